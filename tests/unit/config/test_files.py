"""Which files are read, and what is said of a file that cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast import config
from holdfast.config import Config, Process
from holdfast.errors import ConfigError


def error_of(directory: Path, environment: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        config.load(directory, environment)
    return str(caught.value)


def test_no_file_means_that_nothing_was_said(tmp_path: Path) -> None:
    """Everything is then left to detection."""
    assert config.load(tmp_path) == Config()
    assert config.load(tmp_path).files == ()


def test_pyproject_can_hold_the_config(tmp_path: Path) -> None:
    """``[tool.holdfast]`` is read as ``holdfast.toml`` would be."""
    (tmp_path / "pyproject.toml").write_text('[tool.holdfast.app]\nname = "notes"\n')
    found = config.load(tmp_path)
    assert found.app.name == "notes"
    assert found.files == ("pyproject.toml",)


@pytest.mark.parametrize(
    "text", ["[project]\nname = 'notes'\n", "[tool.holdfasts]\na = 1\n", "tool = 3 # holdfast\n"]
)
def test_a_pyproject_about_something_else_says_nothing(tmp_path: Path, text: str) -> None:
    """Other tools' tables are none of our business."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert config.load(tmp_path) == Config()


def test_a_broken_pyproject_that_never_says_holdfast_is_not_read(tmp_path: Path) -> None:
    """It has no config of ours, so its mistakes are told by whoever needs it."""
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert config.load(tmp_path) == Config()


def test_a_broken_pyproject_with_our_table_is_an_error(tmp_path: Path) -> None:
    """Line and column are of pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text("[tool.holdfast.app]\nname = notes\n")
    assert error_of(tmp_path) == (
        "pyproject.toml: line 2, column 8: invalid value; a string needs quotes\n"
        "    name = notes\n"
        "           ^"
    )


def test_a_problem_in_pyproject_names_the_whole_table(tmp_path: Path) -> None:
    """The reader finds ``[tool.holdfast.web]`` by searching for it."""
    (tmp_path / "pyproject.toml").write_text('[tool.holdfast.web]\npace = "16"\n')
    assert error_of(tmp_path) == (
        'pyproject.toml: [tool.holdfast.web] pace: "16" is a string; write 16 without quotes'
    )


def test_a_key_outside_the_tables_of_pyproject(tmp_path: Path) -> None:
    """It stands in ``[tool.holdfast]`` itself."""
    (tmp_path / "pyproject.toml").write_text('[tool.holdfast]\nname = "notes"\n')
    assert error_of(tmp_path) == (
        "pyproject.toml: [tool.holdfast] name: no such key; it belongs in [app]"
    )


def test_a_config_in_both_files_is_an_error(tmp_path: Path) -> None:
    """Nobody could tell which of them holds."""
    (tmp_path / "holdfast.toml").write_text('[app]\nname = "notes"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.holdfast.app]\nname = "memos"\n')
    assert error_of(tmp_path) == (
        "holdfast.toml: pyproject.toml has a [tool.holdfast] as well; "
        "keep one of the two and delete the other"
    )


def test_tool_holdfast_that_is_no_table(tmp_path: Path) -> None:
    """A value where the tables should be."""
    (tmp_path / "pyproject.toml").write_text('[tool]\nholdfast = "yes"\n')
    assert error_of(tmp_path) == (
        "pyproject.toml: [tool] holdfast: is no table; write [tool.holdfast.app]"
    )


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ('[app]\nname = "notes"\n'.encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b"\x7fELF\x00\x00", "is binary, no text; write it anew or delete it"),
        (b"[app]\n" * 200_000, "is larger than 1000 kB; that is no config"),
        (b"a = " + b"[" * 100_000, "is nested too deeply to be a config"),
    ],
)
def test_a_file_that_is_no_text(tmp_path: Path, data: bytes, error: str) -> None:
    """Encodings and kinds of files that cannot hold TOML."""
    (tmp_path / "holdfast.toml").write_bytes(data)
    assert error_of(tmp_path) == f"holdfast.toml: {error}"


def test_latin_1_is_told_with_its_place(tmp_path: Path) -> None:
    """The byte, its line and its column."""
    (tmp_path / "holdfast.toml").write_bytes("[app]\n# für alle\n".encode("latin-1"))
    assert error_of(tmp_path) == (
        "holdfast.toml: line 2, column 4: the byte 0xfc is no UTF-8; save the file as UTF-8"
    )


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_windows_editors_are_understood(tmp_path: Path, start: bytes, end: str) -> None:
    """A byte order mark and CRLF line ends change nothing."""
    text = end.join(["[app]", 'name = "notes"', ""])
    (tmp_path / "holdfast.toml").write_bytes(start + text.encode())
    assert config.load(tmp_path).app.name == "notes"


def test_a_directory_instead_of_a_file(tmp_path: Path) -> None:
    """A directory of the file's name is not passed over in silence."""
    (tmp_path / "holdfast.toml").mkdir()
    assert error_of(tmp_path) == "holdfast.toml: is a directory; a file is meant"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Opening a FIFO for reading would block until somebody writes."""
    os.mkfifo(tmp_path / "holdfast.toml")
    assert error_of(tmp_path) == "holdfast.toml: is no ordinary file; a file is meant"


def test_a_link_to_nowhere_is_not_taken_for_no_file(tmp_path: Path) -> None:
    """The config somebody meant to have would be missing in silence."""
    (tmp_path / "holdfast.toml").symlink_to("shared.toml")
    assert error_of(tmp_path) == "holdfast.toml: is a link to shared.toml, which is not there"


def test_a_link_that_leads_to_itself_cannot_be_read(tmp_path: Path) -> None:
    """An error of the operating system is told in its words."""
    (tmp_path / "holdfast.toml").symlink_to("holdfast.toml")
    assert error_of(tmp_path) == (
        "holdfast.toml: cannot be read: Too many levels of symbolic links"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    """No permission is an error, not an empty config."""
    (tmp_path / "holdfast.toml").touch(mode=0)
    assert error_of(tmp_path) == "holdfast.toml: cannot be read: Permission denied"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """The project's directory was mistyped."""
    assert error_of(tmp_path / "nope") == f"{tmp_path}/nope: there is no such directory"


def test_a_file_of_nearly_the_right_name_is_pointed_out(tmp_path: Path) -> None:
    """It is not read, and that is said."""
    (tmp_path / "holdfast.yml").write_text("app: notes\n")
    (tmp_path / "Holdfast.toml").write_text('[app]\nname = "notes"\n')
    assert config.load(tmp_path).warnings == (
        "Holdfast.toml is not read; holdfast.toml is",
        "holdfast.yml is not read; holdfast.toml is",
    )


class TestOverlay:
    """``holdfast.ENV.toml`` laid over the config."""

    BASE = """
        [app]
        name = "notes"
        domains = ["notes.example.com", "www.example.com"]
        [web]
        pace = 4
        static = { "/static/" = "public" }
        [processes]
        worker = "celery -A notes worker"
        [env]
        A = "a"
        B = "b"
    """

    def load(self, directory: Path, overlay: str) -> Config:
        (directory / "holdfast.toml").write_text(self.BASE)
        (directory / "holdfast.staging.toml").write_text(overlay)
        return config.load(directory, "staging")

    def test_tables_are_merged_and_the_rest_is_replaced(self, tmp_path: Path) -> None:
        """Keys it does not name stay; lists are not added up."""
        found = self.load(
            tmp_path,
            '[app]\nname = "notes-staging"\ndomains = ["s.example.com"]\n[env]\nB = "c"\nD = "d"\n',
        )
        assert found.app.name == "notes-staging"
        assert found.app.domains == ("s.example.com",)
        assert found.web.pace == 4
        assert found.env == {"A": "a", "B": "c", "D": "d"}
        assert found.files == ("holdfast.toml", "holdfast.staging.toml")
        assert found.warnings == ()

    def test_static_false_replaces_the_table(self, tmp_path: Path) -> None:
        """A value in place of a table takes its place."""
        found = self.load(tmp_path, '[app]\nserver = "local"\n[web]\nstatic = false\n')
        assert found.web.static is False

    def test_a_process_may_be_a_string_in_one_and_a_table_in_the_other(
        self, tmp_path: Path
    ) -> None:
        """The string is the table's command."""
        found = self.load(tmp_path, '[processes.worker]\nstop_grace = "5s"\n')
        assert found.processes == {"worker": Process("celery -A notes worker", stop_grace=5.0)}

    def test_it_can_be_laid_over_pyproject(self, tmp_path: Path) -> None:
        """There need be no ``holdfast.toml``."""
        (tmp_path / "pyproject.toml").write_text('[tool.holdfast.app]\nname = "notes"\n')
        (tmp_path / "holdfast.staging.toml").write_text("[web]\npace = 2\n")
        found = config.load(tmp_path, "staging")
        assert (found.app.name, found.web.pace) == ("notes", 2)

    def test_a_problem_is_told_of_the_file_that_has_it(self, tmp_path: Path) -> None:
        """Each line names its own file."""
        (tmp_path / "holdfast.toml").write_text('[web]\npace = "4"\nmax_line = 0\n')
        (tmp_path / "holdfast.staging.toml").write_text('[web]\npace = "2"\n[deploi]\n')
        assert error_of(tmp_path, "staging").splitlines() == [
            "holdfast.staging.toml: [deploi]: no such table; did you mean [deploy]?",
            'holdfast.staging.toml: [web] pace: "2" is a string; write 2 without quotes',
            "holdfast.toml: [web] max_line: 0 is out of range; 1 to 100000 is possible",
        ]

    def test_two_files_can_contradict_each_other(self, tmp_path: Path) -> None:
        """What is checked is what holds in the end."""
        (tmp_path / "holdfast.toml").write_text('[web]\nmax_wait = "70s"\n')
        (tmp_path / "holdfast.staging.toml").write_text('[deploy]\nlongest_hold = "80s"\n')
        assert error_of(tmp_path, "staging") == (
            "holdfast.staging.toml: [deploy] longest_hold: 1m20s is longer than [web] max_wait, "
            "which is 1m10s; requests would be answered 503 while the deploy still holds"
        )

    def test_an_unknown_environment_lists_those_that_are(self, tmp_path: Path) -> None:
        """A slip in ``--env`` never deploys without its overlay."""
        for name in ("staging", "production"):
            (tmp_path / f"holdfast.{name}.toml").touch()
        assert error_of(tmp_path, "stagin") == (
            "holdfast.stagin.toml: there is no such file; "
            "there are environments here: production, staging"
        )

    @pytest.mark.parametrize("name", ["staging", "../secrets", ""])
    def test_an_environment_where_there_is_none(self, tmp_path: Path, name: str) -> None:
        """A name that is a path is none either."""
        assert error_of(tmp_path, name) == (
            f"holdfast.{name}.toml: there is no such file, so no environment {name!r}; "
            "there are none here"
        )

    def test_taking_the_place_of_the_app_itself_is_pointed_out(self, tmp_path: Path) -> None:
        """Same name, same server: staging would replace production."""
        (warning,) = self.load(tmp_path, "[web]\npace = 2\n").warnings
        assert warning == (
            "holdfast.staging.toml: [app] name: names neither another app nor another server, "
            "so it replaces the app itself"
        )
