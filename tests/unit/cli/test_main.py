"""Errors become text and an exit code in one place."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast import errors
from holdfast.__main__ import as_text
from holdfast.errors import BuildError, CommandFailed, ConfigError, HoldfastError
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_agent import FakeAgent


def test_text_of_an_error() -> None:
    """The message, the detail indented, then the hint; later lines of a hint line up."""
    error = BuildError("notes: uv: ended with status 1", hint="do this\nthen that", detail="a\nb\n")
    assert as_text(error) == (
        "error: notes: uv: ended with status 1\n  a\n  b\nhint: do this\n      then that"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HoldfastError("x"), 1),
        (errors.UsageError("x"), 2),
        (ConfigError("holdfast.toml: [web]", "x"), 2),
        (errors.DetectionError("x"), 3),
        (errors.NotFound("x"), 3),
        (errors.Busy("x"), 4),
        (BuildError("x"), 5),
        (errors.DeployFailed("x"), 6),
        (errors.Cancelled("x"), 6),
        (errors.EdgeError("x"), 7),
        (errors.ProcessError("x"), 8),
        (CommandFailed("x", returncode=1, output="y"), 9),
        (errors.TransportError("x"), 10),
    ],
)
def test_exit_codes(holdfast: Run, agent: FakeAgent, error: HoldfastError, code: int) -> None:
    """What the agent raises ends the command with the code of its class."""
    agent.answers["status"] = error
    ran = holdfast("status")
    assert ran.code == code
    assert ran.err.startswith("error: ")


def fault(_params: object, _emit: object) -> dict[str, object]:
    raise KeyError("missing")


def test_a_fault_of_ours(holdfast: Run, agent: FakeAgent, short_path: Path) -> None:
    """One line and a hint with a file, for its owner alone, that has the traceback."""
    agent.answers["status"] = fault
    ran = holdfast("status")
    (kept,) = short_path.glob("holdfast-fault-*")
    assert ran.code == 70
    assert ran.err == (
        f"error: Holdfast has a fault: KeyError: 'missing'\nhint: please report it with {kept}\n"
    )
    assert "Traceback" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_fault_with_debug(
    holdfast: Run, agent: FakeAgent, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--debug and HOLDFAST_DEBUG=1 show the traceback besides."""
    agent.answers["status"] = fault
    if way == "variable":
        monkeypatch.setenv("HOLDFAST_DEBUG", "1")
    ran = holdfast("status", *(["--debug"] if way == "option" else []))
    assert ran.code == 70
    assert ran.err.startswith("Traceback (most recent call last):\n")


def test_a_fault_for_a_program(holdfast: Run, agent: FakeAgent) -> None:
    """A fault is a JSON error too."""
    agent.answers["status"] = fault
    (told,) = holdfast("status", "--json").lines
    assert told["error"]["exit_code"] == 70


def test_json_of_a_command_that_is_run_is_not_ours(holdfast: Run) -> None:
    """--json behind -- belongs to the command that is run."""
    ran = holdfast("run", "--server", "ssh://nowhere", "--", "dumpdata", "--json")
    assert ran.code == 2
    assert ran.err.startswith("error: --server: ")


def test_ctrl_c(holdfast: Run, agent: FakeAgent) -> None:
    """Ctrl-C ends with 130 and no word."""

    def pressed(_params: object, _emit: object) -> dict[str, object]:
        raise KeyboardInterrupt

    agent.answers["status"] = pressed
    ran = holdfast("status")
    assert (ran.code, ran.out, ran.err.strip()) == (130, "", "")


def start(*argv: str, root: Path, **rest: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "holdfast", *argv],
        env={**os.environ, "HOLDFAST_ROOT": str(root)},
        text=True,
        **rest,
    )


def test_nobody_reads(short_path: Path) -> None:
    """A pipe that is closed ends the command with 141, as SIGPIPE does, and no word."""
    reading, writing = os.pipe()
    os.close(reading)
    process = start("completion", "bash", root=short_path, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (141, "")


def test_version(short_path: Path) -> None:
    """--version, for a person and for a program."""
    from holdfast import __version__

    process = start("--version", root=short_path, stdout=subprocess.PIPE)
    assert process.communicate(timeout=20)[0] == f"holdfast {__version__}\n"
    process = start("--json", "--version", root=short_path, stdout=subprocess.PIPE)
    assert process.communicate(timeout=20)[0] == f'{{"result": {{"version": "{__version__}"}}}}\n'


HEAVY = {"rich", "cattrs", "attrs", "attr", "sqlite3", "asyncio", "uv", "supervisor", "dotenv"}


def test_help_imports_nothing_heavy() -> None:
    """``holdfast --help`` imports click and no verb."""
    script = (
        "import sys; from holdfast.__main__ import main; main(['--help']);"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20
    )
    loaded = set(done.stderr.split())
    assert not HEAVY & {name.split(".")[0] for name in loaded}
    ours = {name for name in loaded if name.startswith("holdfast.")}
    assert ours == {
        "holdfast.__main__",
        "holdfast.errors",
        "holdfast.cli",
        "holdfast.cli.root",
        "holdfast.cli.invocation",
        "holdfast.cli.verb",
        "holdfast.records",
    }


def test_ctrl_c_of_a_real_command(short_path: Path) -> None:
    """SIGINT ends the real program with 130 and without a traceback."""
    pipe = short_path / "x.env"
    os.mkfifo(pipe)
    process = start(
        *("env", "import", str(pipe), "--server", "local", "--name", "notes"),
        root=short_path,
        stderr=subprocess.PIPE,
    )
    with pipe.open("w"):  # it reads now (fifo(7): opening waits for the other end)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err.strip()) == (130, "")
