"""Ask the app of a release what it is, in its own environment.

The import of a large app is what a deploy takes longest for, and the new web process imports
it once more. So the script that asks says when the files of the release are as they will be,
and whoever wants may boot the release from then on, while the asking goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.account import Account
from holdfast.app import AppSpec
from holdfast.command import Command, Secret
from holdfast.errors import CommandFailed
from holdfast.execute import run
from holdfast.records import record

if TYPE_CHECKING:
    from holdfast.config import Config
    from holdfast.detect.answers import Answers
    from holdfast.detect.project import Project

TIMEOUT = 120.0

_COLLECT_TIMEOUT = 30.0
"""Seconds more where ``collectstatic`` is run by the same process (``detect/asks/django.py``)."""

_READY = "holdfast-ready"
"""The line by which the script says it (``READY`` of ``detect/asks/common.py``)."""


def in_step(before: AppSpec, project: Project) -> bool:
    """Whether a project may be booted as ``before`` was, before it has said what it is.

    It must have nothing built but what the asking builds, and nothing of ours beside it.
    """
    return (
        before.framework == project.framework
        and not before.overlay.modules
        and (not before.build or collecting(before.build, project) is not None)
    )


def collecting(built: tuple[str, ...], project: Project) -> str | None:
    """``manage.py``, if the one build command was ``collectstatic`` and most likely still is.

    Then it is run by the process that is asked: to import a project again takes longest.
    """
    from holdfast.detect.building import collect_command

    manage = project.manage
    likely = bool(manage) and built == (collect_command(str(manage)),)
    return manage if likely else None


@record
class Asking:
    """How the app in ``source`` is asked.

    Attributes:
        account: whom its code runs as; ``None``: as ourselves.
        masked: takes the values of secrets out of what the app prints.
        pending: whether it is to say, too, which migrations are pending.
        before: the source of the release that serves, whose static files may do.
    """

    source: Path
    account: Account | None
    masked: Callable[[str], str]
    should_stop: Callable[[], bool]
    pending: bool
    before: Path | None = None

    def ask(
        self,
        project: Project,
        env_path: Path,
        environment: Mapping[str, str | Secret],
        collect: str | None,
        boot: Callable[[], None] | None,
        config: Config,
        *,
        early: bool = False,
    ) -> Answers:
        """Ask.

        Args:
            collect: ``manage.py``, to run ``collectstatic`` in the same process.
            boot: called once the files of the release are as they will be.
            early: the app did not look at collected files so far, and need not wait for them.
                Whoever booted it compares what it says of them this time.

        Raises:
            DetectionError: the project cannot be imported.
        """
        from holdfast import detect

        asked = {
            **environment,
            **({"HOLDFAST_ASK_PENDING": "1"} if self.pending else {}),
            **({"HOLDFAST_ASK_COLLECT": collect} if collect else {}),
            **({"HOLDFAST_ASK_BEFORE": str(self.before)} if collect and self.before else {}),
            **({"HOLDFAST_ASK_READY": "1" if collect and not early else "now"} if boot else {}),
        }

        def told(line: str) -> None:
            if boot is not None and line == _READY:
                boot()

        def run_script(script: str) -> str:
            command = Command(
                (str(env_path / "bin" / "python"), "-"),
                timeout=TIMEOUT + (_COLLECT_TIMEOUT if collect else 0.0),
                env=asked,
                clean_env=True,
                cwd=self.source,
                stdin=script.encode(),
                title="import the app",
                user=self.account,
            )
            return self._run(command, told)

        return detect.probe(project, run_script, config)

    def _run(self, command: Command, told: Callable[[str], None]) -> str:
        """What it prints, as it may be shown; so is what an error tells."""
        try:
            done = run(command, on_line=told, should_stop=self.should_stop)
            return self._shown(done.output)
        except CommandFailed as error:
            raise CommandFailed(
                error.message, returncode=error.returncode, output=self._shown(error.output)
            ) from None

    def _shown(self, output: str) -> str:
        return self.masked(output.replace(f"\n{_READY}\n", ""))
