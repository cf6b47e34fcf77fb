"""``bin/demo``: play it, show the table, leave nothing behind."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from demo.acts import APPS
from demo.place import CommandError, Place, new_place
from demo.stage import Stage
from demo.story import RATE, Story, perform
from demo.table import as_json, closing, table

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "demo"
"""Packages downloaded for the apps, for the next time."""


def main() -> int:
    """Exit code 0, or 1 when something went otherwise than promised."""
    arguments = _arguments()
    if arguments.end is not None:
        return _end(arguments.end)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    stage, story = Stage(), Story(new_place(CACHE), arguments.rate)
    home = Path(tempfile.mkdtemp(prefix="hfs", dir="/tmp"))
    kept = False
    try:
        code = _play(story, stage, home, arguments)
        kept = arguments.keep
    except CommandError as error:
        stage.say(f"\nThe demo cannot go on: {error}")
        code = 1
    except KeyboardInterrupt:
        stage.say("\nStopping; ending everything that was started ...")
        code = 130
    finally:
        _tidy(stage, story.place, home, kept)
    if kept:
        _tell_how_to_end(stage, story.place)
    if arguments.json and story.complete:
        print(json.dumps(as_json(story)), flush=True)
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the apps running, say where")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--rate", type=_rate, default=RATE, help="requests a second for each app")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw what the visitors saw")
    parser.add_argument("--end", type=Path, metavar="DIR", help="end a demo that was kept")
    return parser.parse_args()


def _rate(written: str) -> float:
    """Requests a second: without any there would be nothing to show at the end."""
    try:
        rate = float(written)
    except ValueError:
        rate = 0.0
    if not (rate > 0 and math.isfinite(rate)):
        raise argparse.ArgumentTypeError(f"{written!r} is no number above 0")
    return rate


def _play(story: Story, stage: Stage, home: Path, arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    stage.say("Holdfast: two real apps on this machine, replaced while people use them.")
    stage.say(f"Everything is in {story.place.root}; nothing is left of it at the end.")
    perform(story, stage, home)
    stage.say()
    for line in table(story):
        stage.say(line)
    stage.say(f"\n   {closing(story)}")
    stage.say(f"   It took {time.monotonic() - started:.0f} s.")
    if arguments.svg is not None:
        from demo.drawing import picture

        arguments.svg.write_text(picture(story))
    return 1 if story.wrong else 0


def _tidy(stage: Stage, place: Place, home: Path, kept: bool) -> None:
    """End what runs; a second Ctrl-C must not keep us from it."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    shutil.rmtree(home, ignore_errors=True)
    if kept:
        return
    try:
        place.remove()
    except CommandError as error:
        stage.say(f"Something may still run below {place.root}: {error}")


def _tell_how_to_end(stage: Stage, place: Place) -> None:
    stage.say("\nStill running:")
    for app in APPS:
        stage.say(f"   {place.address(app.name)}  ({app.framework})")
    stage.say(f"Look around:  HOLDFAST_ROOT={place.root} holdfast status")
    stage.say(f"End it:       bin/demo --end {place.root}")


def _end(root: Path) -> int:
    if not (root / "edge").is_dir():
        print(f"{root}: no demo is kept there", file=sys.stderr)
        return 2
    Place(root, int(os.environ.get("HOLDFAST_PORT", "0"))).remove()
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
