"""What errors are for the want of in the system, and what it is called where."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.distribution import here, parts


@pytest.mark.parametrize(
    ("said", "package"),
    [
        (
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            "libgl1",
        ),
        (
            "ImportError: failed to find libmagic.  Check your installation",
            "libmagic1",
        ),
        (
            "OSError: cannot load library 'libgobject-2.0-0': libgobject-2.0-0: cannot open",
            "libglib2.0-0",
        ),
        ("OSError: cannot load library 'pango-1.0-0': pango-1.0-0: cannot", "libpango-1.0-0"),
        ('OSError: no library called "cairo-2" was found', "libcairo2"),
        (
            'ImproperlyConfigured: Could not find the GDAL library (tried "gdal", "GDAL"). Is GDAL',
            "gdal-bin",
        ),
        ("ImportError: Unable to find zbar shared library", "libzbar0"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'ffprobe'", "ffmpeg"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/usr/bin/gs'", "ghostscript"),
        ("/bin/sh: 1: pdftotext: not found", "poppler-utils"),
        (
            "TesseractNotFoundError: tesseract is not installed or it's not in your PATH.",
            "tesseract-ocr",
        ),
        ("OSError: No wkhtmltopdf executable found: \"b''\"", "wkhtmltopdf"),
    ],
)
def test_what_an_error_is_for_the_want_of(said: str, package: str) -> None:
    part = parts.missed(said)
    assert part is not None
    assert part.package == package


@pytest.mark.parametrize(
    "said",
    [
        "",
        "FileNotFoundError: [Errno 2] No such file or directory: 'config.yaml'",
        "ImportError: libtorch_cuda.so: cannot open shared object file: No such file or directory",
        "Not Found: /favicon.ico",
        "sh: 1: myprogram: not found",
    ],
)
def test_what_is_no_part_of_the_system(said: str) -> None:
    assert parts.missed(said) is None


def test_every_name_in_one_table_is_in_the_other() -> None:
    """Whatever a package loads or code runs has a package of the distribution's."""
    for names in parts.LOADED_BY.values():
        assert all(parts.library(name).is_library for name in names.split())
    for names in parts.RUN_BY.values():
        assert not any(parts.program(name).is_library for name in names.split())
    known = {*parts.LIBRARIES.values(), *parts.PROGRAMS.values()}
    assert known >= {*parts.LARGE, *parts.GONE, *parts._LATER_NAMES}


def test_who_loads_what() -> None:
    """Each once, and not what another package brings along."""
    found = [(who, part.package) for who, part in parts.loaded_by(["flask", "python-magic"])]
    assert found == [("python-magic", "libmagic1")]
    assert not [*parts.loaded_by(["pyvips", "pyvips-binary"])]


@pytest.mark.parametrize(
    ("release", "called"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "libmagic1"),
        ('ID=debian\nVERSION_ID="13"\n', "libmagic1t64"),
        ('NAME="Debian"\nID=debian\n', "libmagic1t64"),
        ('VERSION_ID="22.04"\nID=ubuntu\n', "libmagic1"),
        ('VERSION_ID="24.04"\nID=ubuntu\n', "libmagic1t64"),
    ],
)
def test_names_are_those_of_the_release(
    release: str, called: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "os-release"
    file.write_text(release)
    monkeypatch.setattr(here, "RELEASE", file)
    assert here.package(parts.library("libmagic")) == called


def test_what_is_here_is_not_lacking(tmp_path: Path) -> None:
    """A library that Python itself loads, a program that every system has; and neither."""
    assert not here.lacks(parts.Part("libc.so", "libc6"))
    assert here.lacks(parts.Part("libnobody-has-this.so", "nothing"))
    assert not here.lacks(parts.Part("sh", "dash"))
    assert here.lacks(parts.Part("sh", "dash"), path=str(tmp_path))


def test_what_a_release_has_no_more_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "os-release"
    file.write_text('ID=debian\nVERSION_ID="13"\n')
    monkeypatch.setattr(here, "RELEASE", file)
    said = here.command([parts.program("wkhtmltopdf"), parts.program("pandoc")])
    assert said == ("apt-get install wkhtmltopdf pandoc (not in Debian from 13 on: wkhtmltopdf)")
