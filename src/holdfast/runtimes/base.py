"""What every runtime gives a process: its variables, and a command that gets its signals."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from holdfast import ending, overlay
from holdfast.account import Account
from holdfast.command import Command, Secret
from holdfast.layout import Layout
from holdfast.runtimes.contract import Environment, Release

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

MACHINE_VARIABLES = re.compile(
    r"""(?x) \A (?:
        PATH | HOME | USER | LOGNAME | LANG | LANGUAGE | LC_\w+ | TZ | TMPDIR
      | (?:https?|ftp|all|no)_proxy
      | SSL_\w+ | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | NODE_EXTRA_CA_CERTS | GIT_SSL_\w+
      | (?:PIP|UV|XDG|HOLDFAST|PYTHON|NETRC)(?:_?\w+)? | npm_config_\w+
    ) \Z""",
    re.IGNORECASE,
)
"""How this machine reaches the network and its package indexes: what builds and the engine
inherit. Everything else of a person's shell stays out of what runs on a server."""

_PLAIN = re.compile(r"[^;&|<>()`\n#!{}]+\Z")
_SHELL_WORDS = frozenset(
    {"exec", "cd", "export", ".", "source", "if", "for", "while", "until", "case", "eval"}
    | {"set", "unset", "trap", "umask", "ulimit", "time"}
)


def machine_environment() -> dict[str, str]:
    """Our own variables, as far as :data:`MACHINE_VARIABLES` lets them through.

    ``HOLDFAST_DEPLOY`` stays behind: it marks the children of one build, and what we start
    here goes on after it.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if MACHINE_VARIABLES.match(name) and name != "HOLDFAST_DEPLOY"
    }


def process_environment(
    release: Release, layout: Layout, env: Environment, account: Account | None = None
) -> dict[str, str | Secret]:
    """The whole environment of a process or one-off command of ``release``."""
    return app_environment(layout, release.spec.name, release.id, release.env_path, env, account)


def app_environment(
    layout: Layout,
    app: str,
    release: str,
    env_path: Path,
    env: Environment,
    account: Account | None = None,
) -> dict[str, str | Secret]:
    """The whole environment of whatever runs the app's code.

    Args:
        account: whom it runs as; ``None``: as ourselves.

    The release's virtual environment comes first on ``PATH``, also before a ``PATH`` that
    the app sets for itself.
    """
    name, home = (account.name, str(account.home)) if account else _ourselves()
    chosen: dict[str, str | Secret] = {
        "HOME": home,
        "USER": name,
        "LOGNAME": name,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **env,
    }
    path = plain(chosen.get("PATH", SYSTEM_PATH))
    ours = layout.app(app).releases / release
    return {
        **chosen,
        **overlay.variables(ours, chosen.get("PYTHONPATH", "")),
        **ending.variables(ours, chosen.get("GUNICORN_CMD_ARGS", "")),
        "PATH": f"{env_path / 'bin'}:{path}",
        "VIRTUAL_ENV": str(env_path),
        "HOLDFAST_APP": app,
        "HOLDFAST_RELEASE": release,
        "HOLDFAST_ROOT": str(layout.root),
    }


def release_command(release: Release, environment: Environment, account: Account | None) -> Command:
    """The release command of a release that has one."""
    said = release.spec.release
    assert said is not None
    return Command(
        ("/bin/sh", "-c", said.command),
        timeout=said.timeout,
        env=environment,
        clean_env=True,
        cwd=release.source / said.directory,
        title="release command",
        user=account,
    )


def _ourselves() -> tuple[str, str]:
    entry = pwd.getpwuid(os.geteuid())
    return entry.pw_name, entry.pw_dir


def own_python(layout: Layout) -> str:
    """The Python that runs us, by a path that outlives an upgrade of the server's Holdfast.

    What the ssh transport installs lies in ``ROOT/agent/HASH``; ``current`` leads to the newest.
    """
    agent = layout.root / "agent"
    ours = Path(sys.executable)
    if ours.is_relative_to(agent) and (agent / "current" / "bin" / "python").exists():
        return str(agent / "current" / "bin" / "python")
    return str(ours)


def plain(value: str | Secret) -> str:
    """The string itself, secret or not."""
    return value.value if isinstance(value, Secret) else value


def exports(env: Mapping[str, str | Secret]) -> str:
    """Shell text that sets ``env``. It holds secrets: for a file of mode 0600 only."""
    return "".join(
        f"export {name}={shlex.quote(plain(value))}\n" for name, value in sorted(env.items())
    )


def exec_line(command: str) -> str:
    """Shell text that becomes ``command``, so that it gets the signals sent to the shell.

    A plain command is executed directly. Anything that needs a shell (``a && b``) gets
    one; dash and bash then replace themselves with the last command where they can.
    """
    first = command.split(None, 1)[0] if command.strip() else ""
    if _PLAIN.match(command) and first not in _SHELL_WORDS and "=" not in first:
        return f"exec {command.strip()}"
    return f"exec /bin/sh -c {shlex.quote(command)}"
