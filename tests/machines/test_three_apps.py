"""Three apps on one server, deployed at the same moment: none notices what becomes of another."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from examples.variants import make_variant
from holdfast.errors import Busy, DeployFailed
from load import Account, Load, Profile, account
from load.records import Planned
from load.sites import Notes, Polls, Site
from tests.machines.bed import Bed
from tests.machines.deploying import ROOT, App, wait_for

RATE = 8.0
LONGEST = 240.0


class Guests:
    """``one-file-django``: look at the guestbook."""

    def requests(self) -> Iterator[Planned]:
        return itertools.repeat(Planned("GET", "/", expect=b"<title>Guestbook"))

    def stored(self, _profile: Profile) -> list[str]:
        return []


SITES: dict[str, tuple[str, Callable[[], Site]]] = {
    "notes": ("flask-notes", Notes),
    "polls": ("django-polls", Polls),
    "guests": ("one-file-django", Guests),
}
"""The apps: of which example each is, and what its visitors do."""

SECRET = "planted-51d0"
"""What every app's own secret begins with."""

PLACES = "/etc /home /opt /root /run /srv /tmp /var /proc/[0-9]*/environ /proc/[0-9]*/cmdline"


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    said: str


class Visited:
    """Visitors of an app for as long as it is inside."""

    def __init__(self, app: App) -> None:
        self._site = SITES[app.name][1]()
        address = str(app.machine.address)
        self._profile = Profile(app.domain, 80, RATE, seconds=LONGEST, address=address)
        self._load = Load(self._profile, self._site)

    def __enter__(self) -> Visited:
        self._load.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._load.stop()

    def account(self) -> Account:
        """What they saw, with what the app has stored where it can be asked."""
        stored = self._site.stored(self._profile)
        return account(self._load.run, ["1", "2"], stored)


def deploy(app: App, kind: str, version: str) -> Ended:
    """Make the next version of an app and deploy it."""
    make_variant(SITES[app.name][0], kind, app.directory, version)
    words = ("deploy", "--yes", "--domain", app.domain)
    done = app.holdfast(*words, check=False, timeout=LONGEST)
    return Ended(done.returncode, done.stdout + done.stderr)


def at_once(apps: list[App], work: Callable[[App], Ended]) -> dict[str, Ended]:
    """The same for each, at the same moment."""
    with ThreadPoolExecutor(len(apps)) as pool:
        return {app.name: ended for app, ended in zip(apps, pool.map(work, apps), strict=True)}


def arrive(app: App) -> Ended:
    """A secret, and the first deploy."""
    for name, value in (("PLANTED", f"{SECRET}-{app.name}"), ("ALLOWED_HOSTS", app.domain)):
        words = ("env", "set", name, "--server", app.machine.name, "--name", app.name)
        done = subprocess.run(
            app.command(*words),
            env=app.environment(),
            input=value,
            text=True,
            check=False,
            timeout=LONGEST,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            return Ended(done.returncode, done.stdout)
    return deploy(app, "plain", "1")


@pytest.fixture(scope="module")
def apps(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[App]]:
    """All three live, each with a secret. Nothing of ours was on the server when they came, at
    the same moment, so each had to wait for whoever put Holdfast there."""
    directory = tmp_path_factory.mktemp("three")
    with bed.machine("13", prepared=True) as machine:
        machine.boot()
        machine.wait_for_boot()
        made = [App(machine, directory / name, name) for name in SITES]
        for name, ended in at_once(made, arrive).items():
            assert ended.code == 0, f"{name}: {ended.said[-2000:]}"
        yield made


def test_all_are_live(apps: list[App]) -> None:
    """Each on its own domain, as its own user."""
    assert [app.get() for app in apps] == [200] * len(apps)
    users = [app.run("id", "-un").stdout.strip() for app in apps]
    assert users == [f"hf-{app.name}" for app in apps]


def test_one_breaks_and_the_others_do_not_notice(apps: list[App]) -> None:
    """Under load: a migration that fails is undone for its app alone, the other two are replaced
    meanwhile, and each request to each of the three gets its one right answer."""
    kinds = {"notes": "migration", "polls": "broken-migration", "guests": "plain"}
    with ExitStack() as stack:
        visits = [stack.enter_context(Visited(app)) for app in apps]
        ended = at_once(apps, lambda app: deploy(app, kinds[app.name], "2"))
    codes = {name: item.code for name, item in ended.items()}
    assert codes == {"notes": 0, "polls": DeployFailed.exit_code, "guests": 0}, ended
    seen = {app.name: visit.account() for app, visit in zip(apps, visits, strict=True)}
    for name, one in seen.items():
        assert one.clean, f"{name}: {one}"
    served = {name: sorted(one.versions) for name, one in seen.items()}
    assert served == {"notes": ["1", "2"], "polls": ["1"], "guests": ["1", "2"]}


def test_no_app_reads_anything_of_another(apps: list[App]) -> None:
    """Neither file nor secret nor socket, in the sandbox and out of it; of its own it reads all,
    or this would prove nothing."""
    search = f"grep -rhaos '{SECRET}-[a-z][a-z]*' {PLACES} | sort -u"
    # Of the agent only its lock: its programs are nobody's secret.
    kept = f"{ROOT}/apps {ROOT}/edge {ROOT}/systemd {ROOT}/journal.db {ROOT}/agent/lock"
    files = f"find {kept} -type f -readable; find {ROOT} -type s -writable"
    for app in apps:
        inside = app.run("sh", "-c", f"{search}; {files}").stdout.split()
        user = ("runuser", "-u", f"hf-{app.name}", "--", "sh", "-c")
        outside = app.machine.ssh(*user, f"{search}; {files}", check=False).stdout.split()
        assert f"{SECRET}-{app.name}" in inside
        for found in (inside, outside):
            own = [word for word in found if word.startswith(f"{app.home}/")]
            assert [word for word in own if word.endswith((".db", ".sqlite3"))], found
            assert set(found) - set(own) <= {f"{SECRET}-{app.name}"}


def test_a_second_deploy_of_one_app_is_told_so(apps: list[App]) -> None:
    """One at a time of each app: the second one is told what is under way and how to look on; it
    does not keep the others waiting."""
    notes, polls, _ = apps
    failpoint = notes.machine.root / ROOT.lstrip("/") / "failpoint"
    failpoint.write_text("wait before:open")
    reached = failpoint.with_suffix(".reached")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(deploy, notes, "plain", "3")
        try:
            wait_for(reached.exists)
            second = notes.holdfast("deploy", "--yes", "--domain", notes.domain, check=False)
            other = deploy(polls, "plain", "3")
        finally:
            failpoint.unlink(missing_ok=True)
            reached.unlink(missing_ok=True)
        assert first.result(LONGEST).code == 0
    assert second.returncode == Busy.exit_code
    assert "notes: another deploy is under way" in second.stderr
    assert f"holdfast deploy --server {notes.machine.name} --follow" in second.stderr
    assert other.code == 0, other.said[-2000:]
    assert [app.get() for app in apps] == [200, 200, 200]


def test_an_environment_is_an_app_of_its_own(apps: list[App]) -> None:
    """``--env staging`` reads its server, name and domain from a file beside; what serves
    otherwise is not touched."""
    notes = apps[0]
    serving = notes.serving()
    server = f'[app]\nserver = "{notes.machine.name}"\n'
    (notes.directory / "holdfast.toml").write_text(f'{server}domains = ["{notes.domain}"]\n')
    overlay = '[app]\nname = "notes-staging"\ndomains = ["staging.example"]\n'
    (notes.directory / "holdfast.staging.toml").write_text(overlay)
    for words in (("deploy", "--yes"), ("status",)):
        done = subprocess.run(
            notes.command(*words, "--env", "staging", "--json"),
            cwd=notes.directory,
            env=notes.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    [status] = json.loads(done.stdout.splitlines()[-1])["result"]["apps"]
    assert (status["app"], status["domains"]) == ("notes-staging", ["staging.example"])
    assert App(notes.machine, notes.directory, "staging").get() == 200
    assert (notes.serving(), notes.get()) == (serving, 200)
