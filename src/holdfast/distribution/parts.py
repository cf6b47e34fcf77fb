"""Libraries and programs that Python's packages load or run, and who has them.

A wheel of PyPI brings most libraries along. The packages below do not: they load one of the
system's by its name (ctypes, cffi), or start a program. Tried: each package's own error where
what it wants was not there, on bare Debian 12 and 13 (``tests/unit/distribution``,
``tests/machines/test_apps.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from holdfast.records import record

LIBRARIES: Mapping[str, str] = {
    "libGL": "libgl1",
    "libEGL": "libegl1",
    "libMagickWand": "imagemagick",
    "libSM": "libsm6",
    "libX11": "libx11-6",
    "libXext": "libxext6",
    "libXrender": "libxrender1",
    "libatomic": "libatomic1",
    "libcairo": "libcairo2",
    "libdmtx": "libdmtx0b",
    "libenchant-2": "libenchant-2-2",
    "libfontconfig": "libfontconfig1",
    "libgdal": "gdal-bin",
    "libgdk_pixbuf-2.0": "libgdk-pixbuf-2.0-0",
    "libgeos_c": "libgeos-c1v5",
    "libglib-2.0": "libglib2.0-0",
    "libgobject-2.0": "libglib2.0-0",
    "libgomp": "libgomp1",
    "libgs": "ghostscript",
    "libgthread-2.0": "libglib2.0-0",
    "libharfbuzz": "libharfbuzz0b",
    "libharfbuzz-subset": "libharfbuzz-subset0",
    "libmagic": "libmagic1",
    "libmariadb": "libmariadb3",
    "libmediainfo": "libmediainfo0v5",
    "libodbc": "unixodbc",
    "libopus": "libopus0",
    "libpango-1.0": "libpango-1.0-0",
    "libpangocairo-1.0": "libpangocairo-1.0-0",
    "libpangoft2-1.0": "libpangoft2-1.0-0",
    "libportaudio": "libportaudio2",
    "libpq": "libpq5",
    "libsndfile": "libsndfile1",
    "libtag": "libtag1v5",
    "libusb-1.0": "libusb-1.0-0",
    "libvips": "libvips42",
    "libxcb": "libxcb1",
    "libxmlsec1": "libxmlsec1",
    "libxmlsec1-openssl": "libxmlsec1-openssl",
    "libxslt": "libxslt1.1",
    "libzbar": "libzbar0",
    "mod_spatialite": "libsqlite3-mod-spatialite",
}
"""The file's name up to ``.so``, and its package as Debian 12 calls it.

Where the package's name changes with the library's version (``libgdal32``), it is one that
depends on whichever there is.
"""

PROGRAMS: Mapping[str, str] = {
    "antiword": "antiword",
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "convert": "imagemagick",
    "dot": "graphviz",
    "espeak": "espeak-ng",
    "exiftool": "libimage-exiftool-perl",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "git": "git",
    "gs": "ghostscript",
    "inkscape": "inkscape",
    "java": "default-jre-headless",
    "lame": "lame",
    "libreoffice": "libreoffice-writer-nogui",
    "mediainfo": "mediainfo",
    "msgfmt": "gettext",
    "mysqldump": "default-mysql-client",
    "nmap": "nmap",
    "pandoc": "pandoc",
    "pdflatex": "texlive-latex-base",
    "pdfinfo": "poppler-utils",
    "pdftk": "pdftk-java",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pg_dump": "postgresql-client",
    "ping": "iputils-ping",
    "qpdf": "qpdf",
    "rsvg-convert": "librsvg2-bin",
    "soffice": "libreoffice-writer-nogui",
    "sox": "sox",
    "tesseract": "tesseract-ocr",
    "traceroute": "traceroute",
    "unoconv": "unoconv",
    "unrtf": "unrtf",
    "whois": "whois",
    "wkhtmltoimage": "wkhtmltopdf",
    "wkhtmltopdf": "wkhtmltopdf",
    "xelatex": "texlive-xetex",
}

LOADED_BY: Mapping[str, str] = {
    "cairocffi": "libcairo",
    "djangorestframework-gis": "libgdal libgeos_c",
    "ghostscript": "libgs",
    "pyenchant": "libenchant-2",
    "pylibdmtx": "libdmtx",
    "pyodbc": "libodbc",
    "python-magic": "libmagic",
    "pyvips": "libvips",
    "pyzbar": "libzbar",
    "sounddevice": "libportaudio",
    "wand": "libMagickWand",
    "weasyprint": "libpango-1.0 libpangoft2-1.0 libharfbuzz libharfbuzz-subset",
}
"""Packages of PyPI, by whomever they were asked for, and the libraries that they load."""

BROUGHT_BY: Mapping[str, str] = {"pyvips": "pyvips-binary", "python-magic": "pylibmagic"}
"""Packages that bring such a library along where they are installed as well."""

RUN_BY: Mapping[str, str] = {
    "camelot": "gs",
    "exiftool": "exiftool",
    "ffmpeg": "ffmpeg",
    "ffmpy": "ffmpeg",
    "graphviz": "dot",
    "imgkit": "wkhtmltoimage",
    "language_tool_python": "java",
    "ocrmypdf": "tesseract gs",
    "pdf2image": "pdftoppm",
    "pdfkit": "wkhtmltopdf",
    "playwright": "chromium",
    "pydot": "dot",
    "pydub": "ffmpeg",
    "pypandoc": "pandoc",
    "pyppeteer": "chromium",
    "pytesseract": "tesseract",
    "pyttsx3": "espeak",
    "selenium": "chromium chromedriver",
    "tabula": "java",
    "textract": "antiword pdftotext",
    "unoconv": "unoconv",
    "wkhtmltopdf": "wkhtmltopdf",
}
"""Modules, where the project's own code imports them, and the programs that they start.

Their packages alone say nothing: Gradio brings pydub along for those who want it.
"""

_LATER_NAMES: Mapping[str, str] = {
    "libdmtx0b": "libdmtx0t64",
    "libgeos-c1v5": "libgeos-c1t64",
    "libglib2.0-0": "libglib2.0-0t64",
    "libmagic1": "libmagic1t64",
    "libtag1v5": "libtag2",
    "libvips42": "libvips42t64",
    "libxmlsec1": "libxmlsec1t64",
    "libxmlsec1-openssl": "libxmlsec1t64-openssl",
    "libzbar0": "libzbar0t64",
}
"""What Debian calls them from 13 on, Ubuntu from 24.04 on: times had to become 64 bits wide."""

LARGE = frozenset({"chromium", "chromium-driver", "default-jre-headless", "inkscape",
                   "libreoffice-writer-nogui", "texlive-latex-base", "texlive-xetex"})  # fmt: skip
"""A browser, an office, a typesetter, Java: hundreds of megabytes are for a person to decide."""

GONE = frozenset({"unoconv", "wkhtmltopdf"})
"""What Debian has no more from 13 on."""


@record
class Part:
    """A library or a program of the distribution's.

    Attributes:
        name: as it is loaded or run: ``libmagic.so``, ``ffmpeg``.
        package: as Debian 12 calls it.
    """

    name: str
    package: str

    @property
    def is_library(self) -> bool:
        return self.name.endswith(".so")

    def called(self, *, later: bool) -> str:
        """The package's name; ``later``: in releases whose names are newer."""
        return _LATER_NAMES.get(self.package, self.package) if later else self.package


def of_package(name: str) -> Part | None:
    """A library or program by which it is seen whether a package is there; by any of its names."""
    old = {later: earlier for earlier, later in _LATER_NAMES.items()}
    name = old.get(name, _EARLIER_STILL.get(name, name))
    for names, make in ((LIBRARIES, library), (PROGRAMS, program)):
        found = next((item for item, package in names.items() if package == name), None)
        if found is not None:
            return make(found)
    return None


_EARLIER_STILL = {"libgl1-mesa-glx": "libgl1", "libglib2.0": "libglib2.0-0", "libreoffice":
                  "libreoffice-writer-nogui", "openjdk-17-jre-headless": "default-jre-headless",
                  "default-jre": "default-jre-headless", "chromium-browser": "chromium",
                  "chromium-chromedriver": "chromium-driver"}  # fmt: skip
"""Names of Debian 11 and before, of Ubuntu, and of wholes of which a part will do."""


def library(name: str) -> Part:
    return Part(f"{name}.so", LIBRARIES[name])


def program(name: str) -> Part:
    return Part(name, PROGRAMS[name])


def loaded_by(packages: Iterable[str]) -> Iterator[tuple[str, Part]]:
    """Which of those packages (normalised names) load which library of the system's."""
    there = frozenset(packages)
    for name in sorted(there & LOADED_BY.keys()):
        if BROUGHT_BY.get(name) not in there:
            yield from ((name, library(item)) for item in LOADED_BY[name].split())


_NOT_OPENED = re.compile(
    r"(lib[\w.+-]+?)\.so[\d.]*: cannot open shared object file"
    r"|cannot load library '([\w.+-]+)'|no library called \"([\w.+-]+)\""
)
"""The dynamic loader's words, and those of cffi, whose names may lack ``lib`` and ``.so``."""
_NOT_RUN = re.compile(
    r"FileNotFoundError: \[Errno 2\][^\n]*?: (?:PosixPath\()?'(?:[\w/.-]*/)?([\w-]+)'"
    r"|\b([a-z][\w-]+): (?:command )?not found"
)
_SAYS = (
    (r"failed to find libmagic", "libmagic"),
    (r"Could not find the GDAL library", "libgdal"),
    (r"Could not find the GEOS library", "libgeos_c"),
    (r"Unable to load the SpatiaLite library extension", "mod_spatialite"),
    (r"Unable to find zbar shared library", "libzbar"),
    (r"Unable to find dmtx shared library", "libdmtx"),
    (r"PortAudio library not found", "libportaudio"),
    (r"sndfile library not found", "libsndfile"),
    (r"The 'enchant' C library was not found", "libenchant-2"),
    (r"MagickWand shared library not found", "libMagickWand"),
    (r"Can not find Ghostscript library", "libgs"),
    (r"Ghostscript is not installed", "gs"),
    (r"no pq wrapper available", "libpq"),
    (r"Bad git executable", "git"),
    (r"tesseract is not installed", "tesseract"),
    (r"Is poppler installed and in PATH", "pdftoppm"),
    (r"Couldn't find ff(?:mpeg|probe)", "ffmpeg"),
    (r"No wkhtmltopdf executable found", "wkhtmltopdf"),
    (r"No wkhtmltoimage executable found", "wkhtmltoimage"),
    (r"make sure the Graphviz executables are on", "dot"),
    (r"No pandoc was found", "pandoc"),
    (r"`?java`? command is not found", "java"),
    (r"\"exiftool\" is not found", "exiftool"),
    (r"\"dot\" not found in path", "dot"),
    (r"Could not find Opus library", "libopus"),
    (r"probably do not have eSpeak", "espeak"),
    (r"Can't find msgfmt", "msgfmt"),
)
"""What packages say by themselves where the system lacks something."""


def missed(said: str) -> Part | None:
    """The part of the system that an error is for the want of; ``None``: it speaks of none."""
    for pattern, name in _SAYS:
        if re.search(pattern, said):
            return _part(name)
    for match in _NOT_OPENED.finditer(said):
        if (found := _part(_as_file(next(filter(None, match.groups()))))) is not None:
            return found
    for match in _NOT_RUN.finditer(said):
        if (found := _part(match[1] or match[2])) is not None:
            return found
    return None


def _part(name: str) -> Part | None:
    if name in LIBRARIES:
        return library(name)
    return program(name) if name in PROGRAMS else None


def _as_file(name: str) -> str:
    """``cairo-2``, ``libgobject-2.0-0``, ``gobject-2.0-0``: the name of its file up to ``.so``."""
    whole = name.partition(".so")[0]
    whole = whole if whole.startswith("lib") else f"lib{whole}"
    return whole if whole in LIBRARIES else re.sub(r"-\d+$", "", whole)
