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
        (errors.Interrupted("x"), 130),
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


def test_ctrl_c_in_a_class_that_is_being_made(holdfast: Run, agent: FakeAgent) -> None:
    """Python 3.11 makes a RuntimeError of it; it is no fault of ours, and means what it meant."""

    class Pressed:
        def __set_name__(self, _owner: type, _name: str) -> None:
            raise KeyboardInterrupt

    def imports(_params: object, _emit: object) -> dict[str, object]:
        type("Anything", (), {"pressed": Pressed()})
        return {}

    agent.answers["status"] = imports
    ran = holdfast("status")
    assert (ran.code, ran.out, ran.err.strip()) == (130, "", "")


def test_ctrl_c_for_a_program(holdfast: Run, agent: FakeAgent) -> None:
    """The last line is an error, as after everything else that ends a command early."""

    def pressed(_params: object, _emit: object) -> dict[str, object]:
        raise KeyboardInterrupt

    agent.answers["status"] = pressed
    ran = holdfast("status", "--json")
    assert (ran.code, ran.err) == (130, "")
    assert ran.lines == [
        {
            "error": {
                "type": "Interrupted",
                "message": "Ctrl-C ended the command",
                "hint": None,
                "detail": None,
                "exit_code": 130,
            }
        }
    ]


PRESSED = """
import os, sys
sys.argv = ["/usr/bin/holdfast", "status"]
class Press:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), 2)
sys.meta_path.insert(0, Press())
from holdfast.__main__ import command
sys.exit(command())
"""


@pytest.mark.parametrize(
    ("module", "ended"),
    [("signal", -signal.SIGINT), ("holdfast.errors", -signal.SIGINT), ("click", 130)],
)
def test_ctrl_c_while_it_starts(module: str, ended: int) -> None:
    """Nobody sees a traceback; a shell says 130 for both (128 + the signal's number)."""
    done = subprocess.run(
        [sys.executable, "-c", PRESSED.format(module=module)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (ended, "", "")


def test_who_imports_it_keeps_ctrl_c() -> None:
    """These tests, for one, want to clean up after Ctrl-C."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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


def shell(script: str, root: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the real program as ``"$@"`` of a shell's script."""
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", sys.executable, "-m", "holdfast", *argv],
        env={**os.environ, "HOLDFAST_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("closed", "argv", "code"),
    [
        (">&-", ["status"], 0),
        (">&-", ["status", "--json"], 0),
        ("<&- >&- 2>&-", ["apps"], 0),
        ("<&-", ["env", "set", "A", "--name", "a", "--server", "local"], 2),
        ("2>&-", ["nonsense"], 2),
    ],
)
def test_a_closed_stream(short_path: Path, closed: str, argv: list[str], code: int) -> None:
    """Where nobody can read nothing is said, and the exit code is what it always is."""
    done = shell(f'exec "$@" {closed}', short_path, *argv)
    assert done.returncode == code, done.stderr
    assert "fault" not in done.stderr


@pytest.mark.parametrize(
    "argv", [["status"], ["--help"], ["--version", "--json"], ["status", "--json"]]
)
def test_a_full_output(short_path: Path, argv: list[str]) -> None:
    """What cannot be written is an error, and none of ours."""
    done = shell('exec "$@" > /dev/full', short_path, *argv)
    said = "error: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_full_output_for_an_error(short_path: Path) -> None:
    """The error of a program that cannot be written there is told to a person."""
    done = shell('exec "$@" > /dev/full', short_path, "nonsense", "--json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: holdfast: no such command: nonsense")


NOBODY = 65534


@pytest.mark.parametrize("barred", ["root", "journal"])
def test_files_of_another_user(short_path: Path, barred: str) -> None:
    """Which file, what the system says of it, whose it is, and what to do."""
    root = short_path / "r"
    assert shell('"$@"; echo 1 | "$@" env set A --name a --server local', root).returncode == 0
    theirs = root if barred == "root" else root / "journal.db"
    as_root = os.geteuid() == 0
    if as_root:
        os.chown(theirs, NOBODY, NOBODY)
    theirs.chmod(0o700 if as_root and barred == "root" else 0o600 if as_root else 0)
    # root without the two capabilities that let it into what is another's (capabilities(7))
    plain = "setpriv --bounding-set -dac_override,-dac_read_search -- " if as_root else ""
    try:
        done = shell(f'exec {plain}"$@"', root, "status")
    finally:
        theirs.chmod(0o700)
    assert done.returncode == 1
    assert "fault" not in done.stderr
    assert str(root / "journal.db") in done.stderr.splitlines()[0]
    hint = done.stderr[done.stderr.index("hint: ") :]
    assert hint.startswith(f"hint: {theirs} belongs to ")
    if as_root:
        assert "and this runs as root: run it as nobody, or with HOLDFAST_ROOT=" in hint


def test_what_the_system_refuses_besides(holdfast: Run, agent: FakeAgent, short_path: Path) -> None:
    """The file and what the system says of it; and where it was, should that not explain it."""

    def refuses(_params: object, _emit: object) -> dict[str, object]:
        (short_path / "gone").read_text()
        return {}

    agent.answers["status"] = refuses
    ran = holdfast("status")
    (kept,) = short_path.glob("holdfast-fault-*")
    assert ran.code == 1
    assert ran.err == (
        f"error: {short_path}/gone: no such file or directory\n"
        f"hint: unless that explains it, please report it with {kept}\n"
    )
