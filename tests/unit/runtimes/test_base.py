"""Variables of a process, and commands that get its signals."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from holdfast.command import Secret
from holdfast.layout import Layout
from holdfast.runtimes import base


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gunicorn app:app", "exec gunicorn app:app"),
        (
            ' gunicorn --bind "unix:$SOCKET" ',
            'exec gunicorn --bind "unix:$SOCKET"',
        ),
        ("a && b", "exec /bin/sh -c 'a && b'"),
        ("A=1 b", "exec /bin/sh -c 'A=1 b'"),
        ("exec b", "exec /bin/sh -c 'exec b'"),
        ("cd x; b", "exec /bin/sh -c 'cd x; b'"),
        ("b | c", "exec /bin/sh -c 'b | c'"),
        ("b > out", "exec /bin/sh -c 'b > out'"),
        ("echo 'it''s'", "exec echo 'it''s'"),
    ],
)
def test_a_command_becomes_the_process(command: str, expected: str) -> None:
    assert base.exec_line(command) == expected


def test_exports_survive_a_shell() -> None:
    """Whatever a value holds, the process gets it unchanged."""
    values: dict[str, str | Secret] = {
        "A": "it's",
        "B": Secret('a "b" $HOME `id`\nline\\'),
        "C": "",
        "D": "ü %s",
    }
    script = base.exports(values) + "exec env -0"
    done = subprocess.run(
        ["/bin/sh", "-c", script], capture_output=True, text=True, check=True, timeout=10, env={}
    )
    got = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert {name: got[name] for name in values} == {
        name: base.plain(value) for name, value in values.items()
    }


def test_what_of_our_environment_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """How to reach the network, yes; a person's own tokens and a build's mark, no."""
    through = ["https_proxy", "NO_PROXY", "SSL_CERT_FILE", "PIP_INDEX_URL", "UV_INDEX", "PATH"]
    through += ["HOME", "LC_ALL", "HOLDFAST_PORT", "npm_config_registry", "XDG_CONFIG_HOME"]
    stays = ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HOLDFAST_DEPLOY", "SSH_AUTH_SOCK", "PS1"]
    for name in (*through, *stays):
        monkeypatch.setenv(name, "x")
    found = base.machine_environment()
    assert set(through) <= set(found)
    assert not set(stays) & set(found)


def test_the_environment_of_an_app(tmp_path: Path) -> None:
    env = base.app_environment(
        Layout(tmp_path), "demo", "r1", Path("/envs/x"), {"HOME": "/srv", "PATH": "/opt/bin"}
    )
    assert env["HOME"] == "/srv"
    assert env["PATH"] == "/envs/x/bin:/opt/bin"
    assert env["HOLDFAST_ROOT"] == str(tmp_path)
    bare = base.app_environment(Layout(tmp_path), "demo", "r1", Path("/envs/x"), {})
    assert bare["PATH"] == f"/envs/x/bin:{base.SYSTEM_PATH}"
    assert bare["HOME"] == pwd.getpwuid(os.geteuid()).pw_dir
