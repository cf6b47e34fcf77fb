"""What an app writes where nobody has found it goes on to be there, whatever becomes of deploys."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.server.deploy.clients import Answer, ask
from tests.server.deploy.conftest import MakeDeployment
from tests.server.deploy.tiny import Tiny


def upload(tiny: Tiny, name: str) -> None:
    assert ask(tiny, f"/uploads?{name}", "POST", b"file").status == 200


def see(tiny: Tiny, name: str) -> Answer:
    return ask(tiny, f"/uploads?{name}")


def test_uploads_are_kept(tiny: Tiny) -> None:
    """From the release in which they were found on: by a deploy of either strategy, one that is
    undone, and the one after a rollback to a release that did not have them."""
    first = tiny.versions[-1]
    upload(tiny, "one")
    ended = tiny.finish(tiny.start("plain", "handover"))
    assert "uploads was written by the app that serves: kept from release" in ended.notes()
    assert (see(tiny, "one").status, see(tiny, "one").text) == (200, first)
    upload(tiny, "two")
    assert tiny.finish(tiny.start("broken-health", "handover")).outcome == "undone"
    upload(tiny, "three")
    tiny.good("hold")
    for name in ("one", "two", "three"):
        assert see(tiny, name).status == 200, name
    back = tiny.run("rollback", min(tiny.releases()), "--yes")
    assert back.outcome == "succeeded", back.lines[-1]
    upload(tiny, "four")
    tiny.good("handover")
    for name in ("one", "two", "three", "four"):
        assert see(tiny, name).status == 200, name


@contextmanager
def uploading(tiny: Tiny) -> Iterator[dict[str, int]]:
    """Two visitors send picture after picture: the status of each, by its name."""
    sent: dict[str, int] = {}
    over = threading.Event()

    def send(visitor: int) -> None:
        number = 0
        while not over.is_set():
            name = f"{visitor}-{time.time_ns()}-{number}"
            sent[name] = ask(tiny, f"/pictures?{name}", "POST", b"picture").status
            number += 1
            time.sleep(0.01)

    visitors = [threading.Thread(target=send, args=(number,)) for number in range(2)]
    for visitor in visitors:
        visitor.start()
    try:
        yield sent
    finally:
        over.set()
        for visitor in visitors:
            visitor.join()


def test_what_is_written_during_deploys_beside_files_of_the_project(tiny: Tiny) -> None:
    """Each picture is there afterwards, and each was there from the moment it was sent: whichever
    release it was sent to, by deploys of both strategies, one that is undone, and a rollback. The
    project's own file there is that of the release."""
    tiny.good()
    with uploading(tiny) as sent:
        for strategy in ("handover", "hold", "handover"):
            tiny.good(strategy)
        assert tiny.finish(tiny.start("broken-health", "handover")).outcome == "undone"
        back = tiny.run("rollback", min(tiny.releases()), "--yes")
        assert back.outcome == "succeeded", back.lines[-1]
        tiny.good("handover")
        name = min(sent)
        assert ask(tiny, f"/pictures?{name}").status == 200
    assert len(sent) > 50
    assert set(sent.values()) == {200}
    lost = [name for name in sent if ask(tiny, f"/pictures?{name}").status != 200]
    assert not lost, f"{len(lost)} of {len(sent)} are lost: {lost[:5]}"
    assert ask(tiny, "/pictures?logo.txt").text == f"logo {tiny.versions[-1]}"


@pytest.mark.parametrize("strategy", ["handover", "hold"])
def test_the_first_file_of_a_folder_is_written_during_a_deploy(
    make_deployment: MakeDeployment, strategy: str
) -> None:
    """After the look at what was written, and before the gate opens to the new release."""
    tiny = make_deployment("tiny")
    assert isinstance(tiny, Tiny)
    tiny.wait_at("after:build")
    running = tiny.start("plain", strategy)
    with tiny.waiting("after:build", running):
        upload(tiny, "late")
    assert tiny.finish(running).outcome == "succeeded"
    assert (see(tiny, "late").status, see(tiny, "late").version) == (200, tiny.versions[-1])
    tiny.good()
    assert see(tiny, "late").status == 200


def test_what_was_found_outlives_the_app(make_deployment: MakeDeployment) -> None:
    """``destroy --keep-data`` keeps what was written beside files of the project, and where."""
    tiny = make_deployment("tiny")
    assert isinstance(tiny, Tiny)
    assert ask(tiny, "/pictures?ann", "POST", b"picture").status == 200
    tiny.good()
    assert tiny.run("destroy", "--keep-data", "--yes").status == 0
    tiny.good()
    assert ask(tiny, "/pictures?ann").status == 200
    assert ask(tiny, "/pictures?logo.txt").text == f"logo {tiny.versions[-1]}"
