"""Wrong arguments: each is told in one line, with what would be right, and ends with 2."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Run

CASES: list[tuple[str, str, str | None]] = [
    ("edge", "holdfast edge: say what to do: holdfast edge status", "holdfast edge --help"),
    ("deplyo", "holdfast: no such command: deplyo", "did you mean holdfast deploy?"),
    ("xyzzy", "holdfast: no such command: xyzzy", "holdfast --help"),
    ("env sett A", "holdfast env: no such command: sett", "did you mean holdfast env set?"),
    (
        "deploy --stratgy hold",
        "holdfast deploy: no such option: --stratgy",
        "did you mean --strategy?",
    ),
    ("deploy --xyzzy", "holdfast deploy: no such option: --xyzzy", "holdfast deploy --help"),
    ("--jsn status", "holdfast: no such option: --jsn", "did you mean --json?"),
    (
        "deploy --strategy blue",
        "holdfast deploy: --strategy: 'blue' is not one of 'auto', 'handover', 'hold'",
        "holdfast deploy --help",
    ),
    (
        "deploy now",
        "holdfast deploy: got unexpected extra argument (now)",
        "holdfast deploy --help",
    ),
    (
        "deploy --server",
        "holdfast deploy: option '--server' requires an argument",
        "holdfast deploy --help",
    ),
    (
        "deploy --server local --name My_App",
        (
            '--name: "My_App" is no app name; lower-case letters, digits and hyphens, at most 32:'
            ' "my-app"'
        ),
        None,
    ),
    (
        "deploy --server localhost",
        '--server: "localhost" is this machine; write "local"',
        None,
    ),
    (
        "deploy --server local --domain https://a.example/",
        '--domain: "https://a.example/" has a scheme; write "a.example"',
        None,
    ),
    (
        "deploy --follow --strategy hold",
        "--follow takes no option of a new deploy; it only watches",
        None,
    ),
    (
        "deploy --server local --env-file nowhere.env",
        "nowhere.env: no such file or directory",
        None,
    ),
    (
        "hold --for 5",
        "holdfast hold: --for: '5' is no duration; one such as 30s, 5m or 2h is meant",
        "holdfast hold --help",
    ),
    (
        "hold --for 0s",
        "holdfast hold: --for: '0s' is no duration; one such as 30s, 5m or 2h is meant",
        "holdfast hold --help",
    ),
    (
        "logs --since yesterday",
        "holdfast logs: --since: 'yesterday' is no duration; one such as 30s, 5m or 2h is meant",
        "holdfast logs --help",
    ),
    (
        "logs -n -1",
        "holdfast logs: --lines: -1 is not in the range x>=0",
        "holdfast logs --help",
    ),
    (
        "maintenance --allow 203.0.113.5/24",
        '--allow: "203.0.113.5/24" has bits set after the slash\'s; did you mean "203.0.113.0/24"?',
        None,
    ),
    ("run", "holdfast run: COMMAND is missing", "holdfast run --help"),
    ("env set", "holdfast env set: NAME is missing", "holdfast env set --help"),
    ("env import", "holdfast env import: FILE is missing", "holdfast env import --help"),
    ("env unset", "holdfast env unset: NAME is missing", "holdfast env unset --help"),
    ("completion", "holdfast completion: SHELL is missing", "holdfast completion --help"),
    (
        "completion csh",
        "holdfast completion: SHELL: 'csh' is not one of 'bash', 'zsh', 'fish'",
        "holdfast completion --help",
    ),
    ("-C nowhere status", "holdfast: --directory: nowhere: no such directory", "holdfast --help"),
    (
        "env set KEY=hunter2",
        (
            "KEY: a value does not belong in the arguments,"
            " where every user of this machine can read it"
        ),
        'holdfast env set KEY asks for it; or send it: printf %s "$VALUE" | holdfast env set KEY',
    ),
    (
        "env set A B",
        "standard input is one value, and several names are given",
        "holdfast env import FILE sets several at once",
    ),
    (
        "env set A",
        "A: standard input is empty",
        "holdfast env unset A removes it",
    ),
    (
        "destroy --name notes",
        "destroy removes notes from local with its releases, variables and data, for ever",
        "give --yes where nobody can be asked",
    ),
]


@pytest.mark.parametrize(("line", "message", "hint"), CASES, ids=[case[0] for case in CASES])
def test_wrong_arguments(holdfast: Run, line: str, message: str, hint: str | None) -> None:
    """The message is exactly this, on standard error; the exit code is 2."""
    ran = holdfast(*line.split())
    expected = f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")
    assert (ran.code, ran.out, ran.err) == (2, "", expected)


@pytest.mark.parametrize(("line", "message", "hint"), CASES, ids=[case[0] for case in CASES])
def test_wrong_arguments_for_a_program(
    holdfast: Run, line: str, message: str, hint: str | None
) -> None:
    """With --json the error is one object on standard output, and nothing stands elsewhere."""
    ran = holdfast("--json", *line.split())
    (told,) = ran.lines
    assert told == {
        "error": {
            "type": "UsageError",
            "message": message,
            "hint": hint,
            "detail": None,
            "exit_code": 2,
        }
    }
    assert (ran.code, ran.err) == (2, "")
