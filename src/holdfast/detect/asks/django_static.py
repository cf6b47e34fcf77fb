"""Collect Django's static files while the project is imported to be asked.

Where all that they are made of is what it was for the release before, that release's files
are taken, as old as they were: a deploy that changes code alone collects nothing anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import runpy
import shutil
import signal
import sys
from typing import Any

from holdfast.detect.asks.common import ROOT, listed, place

SETTINGS = "DJANGO_SETTINGS_MODULE"
STATIC = "django.contrib.staticfiles"
ASKED = "HOLDFAST_ASK_"
"""What our own variables begin with: :func:`ready` takes one away, which is no doing of the app."""
COLLECT_TIMEOUT = 30
"""Seconds after which collecting here is given up; the command itself has longer."""
RECORD = os.path.join(os.path.dirname(ROOT), "collected.json")
"""Beside the source of a release: what its static files were made of, and what they are."""
PART = 1 << 20
"""Bytes of a file that are read at once."""
STORAGES = ("django", "whitenoise", "servestatic")
"""Packages whose storages make of the same files the same files."""


def reads_static_files(module: str, settings: Any) -> bool:
    """Whether the app looks at its collected files as early as when its server imports it.

    WhiteNoise and its like list them when they start, a storage with a manifest reads that
    when it is first used. Whoever does neither may be booted while the files are collected.
    Without a module of its own the app has not been imported as its server imports it.
    """
    if module.startswith("django.core.") or STATIC not in settings.INSTALLED_APPS:
        return True
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.utils.functional import empty

    if "whitenoise" in sys.modules or "servestatic" in sys.modules:
        return True
    used = getattr(staticfiles_storage, "_wrapped", None) is not empty
    return used or bool(settings.STATIC_ROOT and listed(settings.STATIC_ROOT))


def collected(manage: str, before: dict[str, str]) -> dict[str, Any]:
    """What ``manage.py collectstatic`` printed, run here to save importing the project again.

    Nothing, and whoever asked runs the command, where it would not be the same: the variables
    that ``manage.py`` finds differ from those the project was imported with, it chooses other
    settings, or the files go elsewhere than to a directory. Nothing too where it fails: the
    command then says why.
    """
    changed = {key for key in {*os.environ, *before} if os.environ.get(key) != before.get(key)}
    theirs = {key for key in changed - {SETTINGS, "TZ"} if not key.startswith(ASKED)}
    try:
        if theirs or not goes_to_a_directory():
            return {}
        made_of = ingredients(manage)
        said = taken_over(made_of)
        if said is None:
            said = run_collectstatic(manage, before.get(SETTINGS))
            write_record(made_of)
        return {"collected": said}
    except BaseException:  # (SystemExit among them)
        return {}


def goes_to_a_directory() -> bool:
    """Whether static files are written by Django's own storage, not sent somewhere."""
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.core.files.storage import FileSystemStorage

    return isinstance(staticfiles_storage, FileSystemStorage)


def run_collectstatic(manage: str, settings_before: Any) -> str:
    """Run the project's own ``manage.py`` as the command would; its output."""
    from django.conf import settings
    from django.core import management

    used, execute = settings.SETTINGS_MODULE, management.execute_from_command_line

    def checked(argv: Any = None) -> None:
        if os.environ.get(SETTINGS) != used:
            raise RuntimeError("manage.py chooses other settings")
        execute(argv)

    script = os.path.join(ROOT, manage)
    os.chdir(os.path.dirname(script))
    sys.path.insert(0, os.path.dirname(script))
    sys.argv = [os.path.basename(script), "collectstatic", "--noinput"]
    os.environ.pop(SETTINGS, None)
    if settings_before is not None:
        os.environ[SETTINGS] = settings_before
    management.execute_from_command_line = checked
    said = io.StringIO()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(COLLECT_TIMEOUT)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            runpy.run_path(os.path.basename(script), run_name="__main__")
    finally:
        signal.alarm(0)
        management.execute_from_command_line = execute
    return said.getvalue()


def too_long(number: int, frame: Any) -> None:
    raise RuntimeError("collectstatic takes long")


def ingredients(manage: str) -> str | None:
    """A hash of all that collected files come of; ``None`` where that cannot be told.

    Whoever collects into a directory that has files already adds to them, and a command or a
    storage of the project's own may do anything.
    """
    from django.conf import settings
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.core.management import get_commands

    root = place(settings.STATIC_ROOT)
    storage = staticfiles_storage.__class__  # (of what stands behind the lazy object)
    if root is None or os.path.isabs(root) or files_of(os.path.join(ROOT, root)):
        return None
    if get_commands().get("collectstatic") != STATIC:
        return None
    if storage.__module__.partition(".")[0] not in STORAGES:
        return None
    digest = hashlib.sha256()
    for said in (sys.prefix, root, storage.__module__, storage.__qualname__, *static_settings()):
        digest.update(said.encode() + b"\0")
    for name, path in [(manage, os.path.join(ROOT, manage)), *sources()]:
        digest.update(("\0%s\0%d\0" % (name, os.path.getsize(path))).encode())
        with open(path, "rb") as file:
            for part in iter(lambda: file.read(PART), b""):
                digest.update(part)
    return digest.hexdigest()


def static_settings() -> list[str]:
    """The settings that decide what becomes of the files, alike in every release."""
    from django.conf import settings

    names = [
        name
        for name in dir(settings)
        if name.startswith(("STATIC", "WHITENOISE", "SERVESTATIC", "STORAGES", "FORCE_SCRIPT"))
    ]
    values = ["%s=%r" % (name, getattr(settings, name)) for name in sorted(names)]
    roots = sorted({ROOT, os.path.realpath(ROOT)}, key=len, reverse=True)
    for root in roots:
        values = [value.replace(root, "") for value in values]
    return values


def sources() -> list[tuple[str, str]]:
    """What the finders find, in their order: the name it gets, where it lies."""
    from django.apps import apps
    from django.contrib.staticfiles.finders import get_finders

    ignored = getattr(apps.get_app_config("staticfiles"), "ignore_patterns", [])
    found = []
    for finder in get_finders():
        for path, storage in finder.list(ignored):
            prefix = getattr(storage, "prefix", None)
            name = os.path.join(prefix, path) if prefix else path
            found.append((name, storage.path(path)))
    return found


def files_of(directory: str) -> list[list[Any]]:
    """Path, size and time of change of every file below, in order; no file is none."""
    found = []
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            status = os.stat(path)
            short = os.path.relpath(path, directory)
            found.append([short, status.st_size, status.st_mtime_ns])
    return sorted(found)


def taken_over(made_of: str | None) -> str | None:
    """Take the files of the release before, if they are made of the same; say so.

    They must be as they were left, each of them: what wrote among them since may have more
    to do with them than we know.
    """
    from django.conf import settings

    before = os.environ.get("HOLDFAST_ASK_BEFORE")
    if made_of is None or not before:
        return None
    try:
        with open(os.path.join(os.path.dirname(before), "collected.json")) as file:
            record = json.load(file)
    except (OSError, ValueError):
        return None
    root = place(settings.STATIC_ROOT) or ""
    theirs, ours = os.path.join(before, root), os.path.join(ROOT, root)
    if record.get("made_of") != made_of or files_of(theirs) != record.get("files"):
        return None
    shutil.copytree(theirs, ours, dirs_exist_ok=True)
    write_record(made_of)
    count = len(record["files"])
    return "%d static files of the release before: what they are made of is the same" % count


def write_record(made_of: str | None) -> None:
    """Write down what the next release may go by."""
    from django.conf import settings

    if made_of is None:
        return
    root = os.path.join(ROOT, place(settings.STATIC_ROOT) or "")
    with contextlib.suppress(OSError), open(RECORD, "w") as file:
        json.dump({"made_of": made_of, "files": files_of(root)}, file)
