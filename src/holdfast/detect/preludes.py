"""Lines that end: they belong into the release command, or are no process at all.

``web: flask db upgrade; gunicorn app:app`` migrates at every start of the web process, while
the old release serves. Once, before the new one is started, is what was meant. A line of its own
(``migrate: python manage.py migrate``) is what other platforms run on request; kept running it
would be started over and over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from holdfast.detect import command_line
from holdfast.detect.facts import Fact, Prepares, ProcessLine

MIGRATES = re.compile(
    r"(?:manage\.py|django-admin|-m django)\s+migrate\b|\bflask\b.*\bdb\s+upgrade\b"
    r"|\balembic\b.*\bupgrade\b|\baerich\s+upgrade\b|\bpiccolo\s+migrations\s+forwards\b"
    r"|\byoyo\s+apply\b"
)
_ENDS = re.compile(
    r"(?:manage\.py|django-admin|-m django)\s+(?:migrate|collectstatic|createsuperuser|loaddata"
    r"|dumpdata|shell\w*|test|makemigrations|flush|compilemessages|compress|check|dbshell"
    r"|createcachetable|clearsessions)\b|\bflask\b.*\b(?:db\s+\w+|shell|init-?db)\b"
    r"|\balembic\s|^(?:python3?\s+-m\s+)?pytest\b|^(?:/bin/)?(?:ba)?sh$|^i?python3?$"
)
_BUILDS = re.compile(
    r"(?:python3? )?\S*manage\.py\s+(?:collectstatic|compress|compilemessages)\b"
    r"|(?:python3? -m )?pip3? install\b|(?:poetry|uv|pipenv|npm|yarn|pnpm) (?:install|sync|ci)\b"
)
"""What is done when a release is built."""
_SERVICES = re.compile(
    r"(?:exec )?(?:redis-server|postgres|pg_ctl|mongod|mysqld|memcached|mailhog|rabbitmq-server"
    r"|docker(?:-compose)? |(?:npm|yarn|pnpm) (?:run )?(?:dev|start|watch|serve)\b|npx .*--watch)"
    r"|.*\btailwind\S* .*(?:--watch|\bstart\b)"
)
"""What only a developer's machine runs beside the app."""
_QUOTED = re.compile(r"['\"`\\]|\$\(")


def moved(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts, with migrations of the web line as a release line, if there is none."""
    every = tuple(_without_those_that_end(tuple(_apart(tuple(facts)))))
    lines = [fact for fact in every if isinstance(fact, ProcessLine)]
    web = next((line for line in lines if line.name == "web"), None)
    if web is None:
        return every
    left, migrations = _parted(web.command)
    if left == web.command or command_line.parse(left) is None:
        return every
    changed: dict[int, Fact] = {id(web): replace(web, command=left)}
    added: tuple[Fact, ...] = ()
    release = next((line for line in lines if line.name == "release"), None)
    if migrations and release is None:
        added = (replace(web, name="release", command=" && ".join(migrations)),)
    elif migrations and release is not None and not MIGRATES.search(release.command):
        both = " && ".join((release.command, *migrations))
        changed[id(release)] = replace(release, command=both)
    return (*(changed.get(id(fact), fact) for fact in every), *added)


_WORKS = re.compile(
    r"(?:python3? -m )?(?:celery|rq|huey_consumer\S*|dramatiq|arq|taskiq|flower)\b"
    r"|python3?(?: -u)? "
)


def _apart(facts: tuple[Fact, ...]) -> Iterator[Fact]:
    """``web: celery worker & gunicorn app``: what runs beside the server is its own process."""
    taken = {fact.name for fact in facts if isinstance(fact, ProcessLine)}
    for fact in facts:
        if not isinstance(fact, ProcessLine) or fact.name != "web":
            yield fact
            continue
        server, beside = command_line.apart(fact.command)
        yield replace(fact, command=server) if beside else fact
        for command in beside:
            if _WORKS.match(command):
                name = "beat" if re.search(r"\bbeat\b", command) else "worker"
                name = next(
                    item
                    for item in (name, *(f"{name}-{n}" for n in range(2, 99)))
                    if item not in taken
                )
                taken.add(name)
                yield ProcessLine(fact.evidence, name, command, fact.directory)
            else:
                why = "it runs beside the server in one line, and is no worker that is known"
                yield Prepares(fact.evidence, command, why, in_guard=False, script=True)


def _without_those_that_end(facts: tuple[Fact, ...]) -> Iterator[Fact]:
    """A line that migrates is the release line where there is none; the others are only named."""
    released = any(isinstance(fact, ProcessLine) and fact.name == "release" for fact in facts)
    for fact in facts:
        stays = not isinstance(fact, ProcessLine) or fact.name in ("web", "release")
        if stays or not isinstance(fact, ProcessLine) or not _ends(fact.command):
            yield fact
        elif _SERVICES.match(fact.command):
            why = f"{fact.name} in it is for a developer's machine"
            yield Prepares(fact.evidence, fact.command, why, in_guard=False, script=True)
        elif MIGRATES.search(fact.command) and not released:
            released = True
            yield replace(fact, name="release")
        else:
            why = f"{fact.name} in it ends by itself, so it is no process"
            yield Prepares(fact.evidence, fact.command, why, in_guard=False, script=True)


def _ends(command: str) -> bool:
    """Whether a line ends by itself, by the last command of its chain, or runs a service."""
    last = re.split(r"&&|;", command)[-1].strip()
    ends = _ENDS.search(last) or _SERVICES.match(last)
    return command_line.parse(command) is None and ends is not None


def _parted(command: str) -> tuple[str, list[str]]:
    """A chain of commands without those that migrate, and these; quoted ones are left whole.

    What belongs to the build, where it is done already, is left out: the release is not written to
    when it is started.
    """
    if _QUOTED.search(command):
        return command, []
    *before, last = re.split(r"(&&|;)", command)
    kept, entered = "", ""
    migrations: list[str] = []
    for item, sign in zip(before[::2], before[1::2], strict=True):
        plain = item.strip()
        if MIGRATES.search(plain):
            migrations.append(f"{entered}{plain}")
            entered = ""
        elif plain and not _BUILDS.match(plain):
            kept += f"{plain} {sign} "
            entered += f"{plain} && " if plain.startswith("cd ") else ""
    return f"{kept}{last.strip()}", migrations
