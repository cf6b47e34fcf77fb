"""What a Dockerfile begins with, and which of its lines make builds slow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from holdfast.records import record

_CACHES = (
    (re.compile(r"\buv (?:pip install|sync)\b"), "/root/.cache/uv"),
    (re.compile(r"(?<!uv )\bpip3? install\b[^&;|]*(?:-r\b|--requirement\b|\s\.)"), "pip"),
    (re.compile(r"\bpoetry install\b"), "/root/.cache/pypoetry"),
    (re.compile(r"\bpdm (?:install|sync)\b"), "/root/.cache/pdm"),
    (re.compile(r"\bpipenv (?:install|sync)\b"), "/root/.cache/pip"),
    (re.compile(r"\bnpm (?:ci|install)\b(?! -g)"), "/root/.npm"),
    (re.compile(r"\byarn(?: install\b| --|\s*$)"), "/usr/local/share/.cache/yarn"),
    (re.compile(r"\bpnpm (?:i|install)\b"), "/root/.local/share/pnpm/store"),
)
"""Programs that install what a project depends on, and where each keeps what it fetched.

``pip`` is no place: what it keeps saves the fetching, and its time is unpacking and compiling
(``bin/bench build``: no faster than without; uv with its cache six times).
"""

_UV = "/root/.cache/uv"
_MOUNT = "--mount=type=cache"
_UNCACHED = re.compile(r"\s--no-cache(?:-dir)?\b")
_WHOLE = re.compile(r"(?:COPY|ADD)\s+(?:--\S+\s+)*\./?\s", re.IGNORECASE)


_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)
_COPY = re.compile(r"(?:COPY|ADD)\s+(?P<options>(?:--\S+\s+)*)(?P<rest>.+)", re.IGNORECASE)
_ARGUMENT = re.compile(r"\$\{?(\w+)(?::?-([^}]*))?\}?")
_HEREDOC = re.compile(r"<<-?[\"']?([A-Za-z_]\w*)[\"']?")
_LARGEST = 1_000_000


def base(build: Mapping[str, Any]) -> str:
    """The image that a build begins with; empty if its Dockerfile cannot be read here.

    Of stages that go on from each other the first; of several, those that lead to what is built.
    """
    stages, last = dict[str, str](), ""
    values = dict[str, str]()
    for _, line in _instructions(text(build)):
        if line.upper().startswith("ARG "):
            name, _, value = line[4:].strip().partition("=")
            values.setdefault(name, value.strip("\"'"))
        elif found := _FROM.match(line):
            said = _filled(found["image"], values)
            last = stages.get(said.lower(), said)
            if found["stage"]:
                stages[found["stage"].lower()] = last
    return stages.get(str(build.get("target") or "").lower(), last)


def bases(build: Mapping[str, Any]) -> set[str]:
    """Every image that its Dockerfile begins a stage with, or copies out of; not its own stages."""
    values, found, stages = dict[str, str](), set[str](), set[str]()
    for _, line in _instructions(text(build)):
        if line.upper().startswith("ARG "):
            values |= _assigned(line[4:], values)
        elif match := _FROM.match(line):
            found.add(_filled(match["image"], values))
            stages.add((match["stage"] or "").lower())
        elif match := re.search(r"--from=(\S+)", line):
            found.add(_filled(match[1], values))
    return {name for name in found if name.lower() not in stages}


def started(build: Mapping[str, Any]) -> str | None:
    """What its image starts, as one line; ``None`` where the image that it begins with says it.

    Raises nothing: a Dockerfile that cannot be read here says nothing.
    """
    said: dict[str, str] = {}
    for _, line in _instructions(text(build)):
        word, _, rest = line.partition(" ")
        if word.upper() == "FROM":
            said = {}
        elif word.upper() in ("CMD", "ENTRYPOINT"):
            said[word.upper()] = " ".join(re.findall(r"[^\s\",\[\]]+", rest))
    if not said:
        return None
    return " ".join(said[key] for key in ("ENTRYPOINT", "CMD") if said.get(key))


def scripts(build: Mapping[str, Any], said: str) -> Iterator[Path]:
    """The files of the project that a container is started with.

    Args:
        said: what the service says of its entrypoint and command; the image's own count, too.
    """
    found, home = places(build)
    context = Path(str(build.get("context") or ""))
    for word in dict.fromkeys(re.findall(r"[\w./-]+", f"{said} {started(build) or ''}")):
        where = _absolute(word if word.startswith("/") else f"{home}/{word}")
        for path, place in found:
            ours = context / path
            if where != place:
                if not where.startswith(f"{place.rstrip('/')}/"):
                    continue
                ours /= where.removeprefix(f"{place.rstrip('/')}/")
            if ours.is_file() and ours.stat().st_size < _LARGEST:
                yield ours
                break


def exposes(build: Mapping[str, Any]) -> bool:
    """Whether its Dockerfile says on which port something listens."""
    return any(line.upper().startswith("EXPOSE ") for _, line in _instructions(text(build)))


def copies(build: Mapping[str, Any]) -> list[str]:
    """What its Dockerfile copies out of the build's context, as patterns relative to that."""
    found: list[str] = []
    for _, line in _instructions(text(build)):
        if (match := _COPY.match(line)) and "--from=" not in match["options"]:
            words = re.findall(r"[^\s\",\[\]]+", match["rest"])
            found += [word.removeprefix("./") or "." for word in words[:-1]]
    return found


def places(build: Mapping[str, Any]) -> tuple[list[tuple[str, str]], str]:
    """Where an image has what its Dockerfile copies, and where its program runs.

    Returns:
        directories and files of the context, each with its absolute path in the image; of several
        stages all of them, the last first. The working directory; empty if it says none.
    """
    values, home, found = dict[str, str](), "", list[tuple[str, str]]()
    context = Path(str(build.get("context") or ""))
    for _, line in _instructions(text(build)):
        word, _, rest = line.partition(" ")
        said = _filled(rest.strip(), values)
        match word.upper():
            case "FROM":
                home = ""
            case "WORKDIR":
                home = _absolute(said if said.startswith("/") else f"{home}/{said}")
            case "ARG" | "ENV":
                values |= _assigned(rest.strip(), values)
            case "COPY" | "ADD" if "--from=" not in rest and not rest.startswith("<<"):
                found += _copied(said, context, home)
    return found[::-1], home


def lacks(build: Mapping[str, Any], path: Path, target: str) -> bool:
    """Whether an image is known not to have at ``target`` the code that lies at ``path``.

    A Dockerfile may leave that to a mount, and copy the list of dependencies alone.
    """
    context, found = Path(str(build.get("context") or "")), places(build)[0]
    for name, where in found:
        ours = Path(os.path.normpath(context / name))
        if path.is_relative_to(ours):
            # Where nothing says a working directory, that is the one of the image below.
            if where == "/" or _rest(path, ours, where) == _absolute(target):
                return False
        elif ours.is_relative_to(path) and _is_code(ours) and _rest(ours, path, target) == where:
            return False
    return bool(text(build))


def _rest(path: Path, top: Path, there: str) -> str:
    """Where what lies at ``path`` is if ``top`` is ``there``."""
    return _absolute(f"{there}/{path.relative_to(top).as_posix()}")


def _is_code(path: Path) -> bool:
    return path.is_dir() or (path.suffix == ".py" and path.name != "setup.py")


def _filled(said: str, values: Mapping[str, str]) -> str:
    """With the values of arguments and variables in it."""
    return _ARGUMENT.sub(lambda m: values.get(m[1]) or m[2] or "", said)


def _assigned(rest: str, values: Mapping[str, str]) -> dict[str, str]:
    """The names that ``ENV`` and ``ARG`` give a value: ``A=1 B=$A``, ``A 1``."""
    said = _filled(rest, values)
    if "=" not in said.split(" ", 1)[0]:
        name, _, value = said.partition(" ")
        return {name: value.strip()} if value else {}
    return {name: value.strip("\"'") for name, value in re.findall(r"(\w+)=(\"[^\"]*\"|\S+)", said)}


def _copied(said: str, context: Path, home: str) -> Iterator[tuple[str, str]]:
    words = [word for word in re.findall(r"[^\s\",\[\]]+", said) if not word.startswith("--")]
    for name in words[:-1]:
        where = words[-1] if words[-1].startswith("/") else f"/{home}/{words[-1]}"
        path = os.path.normpath(name.lstrip("/") or ".")
        directory = (context / path).is_dir()
        into = where.endswith(("/", "/.")) or len(words) > 2
        if not directory and into:
            where = f"{where}/{Path(path).name}"
        yield path, _absolute(where)


def _absolute(path: str) -> str:
    return f"/{os.path.normpath(path).lstrip('/')}"


def text(build: Mapping[str, Any]) -> str:
    """The Dockerfile of a build; empty if it cannot be read here."""
    if (said := build.get("dockerfile_inline")) is not None:
        return str(said)
    path = Path(str(build.get("context") or "")) / str(build.get("dockerfile") or "Dockerfile")
    try:
        return path.read_text(errors="replace") if path.stat().st_size < _LARGEST else ""
    except OSError:
        return ""


@record
class Slow:
    """A line to change.

    Attributes:
        line: its number, from 1.
        why: what it makes slow; ``instead`` is what would be right.
    """

    line: int
    why: str
    instead: str


def slow(text: str) -> Iterator[Slow]:
    """The lines of a Dockerfile that install everything anew where a part would do."""
    whole: int | None = None
    for number, line in _instructions(text):
        word = line.split(None, 1)[0].upper() if line.strip() else ""
        if word == "FROM":
            whole = None
        elif word in ("COPY", "ADD") and _WHOLE.match(line):
            whole = whole or number
        elif word == "RUN":
            found = next((place for program, place in _CACHES if program.search(line)), None)
            if found is None:
                continue
            yield from _of_install(number, line, found, whole)


def _of_install(number: int, line: str, cache: str, whole: int | None) -> Iterator[Slow]:
    if whole is not None:
        yield Slow(
            whole,
            f"all is copied before line {number} installs: each change of code installs anew",
            f"copy the list of dependencies alone before line {number}, the rest after it",
        )
    if cache == "pip":
        rest = re.sub(rf"{_MOUNT}\S*\s*", "", _UNCACHED.sub("", line[4:])).strip()
        quick = re.sub(r"\bpip3? install\b", "uv pip install --system", rest)
        yield Slow(
            number,
            "one changed dependency makes pip unpack and compile all of them again, cache or not",
            f"RUN {_MOUNT},target={_UV} {quick}, after RUN pip install uv"
            " (without --system where PATH leads to a virtual environment); or uv sync --locked",
        )
    elif _MOUNT not in line or _UNCACHED.search(line):
        mounted = line if _MOUNT in line else f"RUN {_MOUNT},target={cache} {line[4:].strip()}"
        yield Slow(
            number,
            "one changed dependency fetches all of them again: nothing is kept between builds",
            _UNCACHED.sub("", mounted),
        )


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Instructions with the number of their first line; those that go on are put together.

    The lines of a shell's script that stands in one (``RUN <<EOF``) are joined by ``&&``.
    """
    begun, parts, last = 0, list[str](), ""
    for number, line in enumerate(text.splitlines(), 1):
        if last:
            if line.strip() == last:
                yield begun, f"{parts[0]} {' && '.join(parts[1:])}".strip()
                begun, parts, last = 0, [], ""
            elif parts[0][:3].upper() == "RUN":
                parts.append(line.strip())
            continue
        if line.lstrip().startswith("#") or (not line.strip() and not parts):
            continue
        begun = begun or number
        parts.append(line.strip().removesuffix("\\").strip())
        if found := _HEREDOC.search(line):
            parts, last = [" ".join(parts).replace(found[0], "").strip()], found[1]
        elif not line.rstrip().endswith("\\"):
            yield begun, " ".join(parts)
            begun, parts = 0, []
    if parts:
        yield begun, " ".join(parts)
