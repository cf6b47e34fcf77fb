"""Another admin on a server that is set up."""

from __future__ import annotations

from dataclasses import replace

from holdfast.provision.facts import File, User
from holdfast.provision.model import Settings, WriteFile
from holdfast.provision.operations.account import SUDOERS, admin, newly, without
from tests.unit.provision.test_plan import recorded


def written(name: str, gone: str = "") -> str | None:
    """What the sudoers file is to be once ``name`` is the admin; ``None``: it stays."""
    facts = recorded("debian-12-set-up")
    users = {one: user for one, user in facts.users.items() if one != gone}
    item = admin(replace(facts, users=users), Settings(name))
    texts = [one.text for one in item.actions if isinstance(one, WriteFile) and one.path == SUDOERS]
    return texts[0] if texts else None


def test_the_admin_before_keeps_sudo() -> None:
    """The new one's login is proven only later: if it fails, somebody must still have sudo."""
    text = written("another")
    assert text is not None
    assert "holdfast ALL=" in text
    assert "another ALL=" in text


def test_nothing_to_write_for_the_same_admin() -> None:
    """A second run finds no change."""
    assert written("holdfast") is None


def test_an_account_that_is_gone_gets_nothing() -> None:
    """A name that somebody may take again is no admin any more."""
    text = written("another", gone="holdfast")
    assert text is not None
    assert "\nholdfast ALL=" not in text


def test_both_stay_the_second_time() -> None:
    """With two admins in the file, a run for either changes nothing."""
    facts = recorded("debian-12-set-up")
    both = replace(facts, users={**facts.users, "another": User("/home/another")})
    text = written("another")
    files = {**both.files, SUDOERS: File(0o440, text)}
    for name in ("holdfast", "another"):
        item = admin(replace(both, files=files), Settings(name))
        assert SUDOERS not in [getattr(one, "path", "") for one in item.actions]


def test_who_could_not_log_in_loses_sudo() -> None:
    """What a failed run gave is taken away; who was in the file before stays in it."""
    text = written("another")
    assert text is not None
    before = recorded("debian-12-set-up").text(SUDOERS)
    assert without(text, "another") == before
    assert before is not None
    assert without(before, "holdfast") is None


def test_only_what_this_run_gives_may_be_taken() -> None:
    """Nobody loses what they had, and least of all the account that is used."""
    facts = recorded("debian-12-set-up")
    assert newly(facts, Settings("holdfast")) is None
    assert newly(facts, Settings("another")) == "another"
    assert newly(replace(facts, login="another"), Settings("another")) is None
