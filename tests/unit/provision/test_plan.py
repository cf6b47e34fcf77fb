"""Plans from recorded facts. A case is a file in ``cases``: facts, what differs, what comes of it.

``facts`` holds what real servers said: Debian 12 and 13, bare and set up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast import __version__
from holdfast.agent.timer import SERVICE
from holdfast.codec import from_json, to_json
from holdfast.errors import HoldfastError
from holdfast.provision.facts import Facts, File, Unit
from holdfast.provision.model import Install, Item, Phase, State, WriteFile, describe
from holdfast.provision.operations import docker
from holdfast.provision.plan import choose, plan, refuse, score

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.json"))


def recorded(base: str, /, **change: Any) -> Facts:
    values = json.loads((HERE / "facts" / f"{base}.json").read_text())
    if values.get("marker"):  # recorded by an older Holdfast, perhaps
        values["marker"] = json.dumps({**json.loads(values["marker"]), "holdfast": __version__})
    for key, value in change.items():
        # A part of the settings of sshd or of the units stands for itself.
        keep = key in ("sshd", "units")
        values[key] = {**values[key], **value} if keep else value
    return from_json(values, Facts)


def items(facts: Facts, **settings: Any) -> dict[str, Item]:
    return {item.key: item for item in plan(facts, choose(settings, facts))}


def test_edge_runs_what_was_replaced() -> None:
    """It is named, with what it runs, and set-up has it change over as its timer would."""
    assert items(recorded("debian-12-set-up"))["edge"].state is State.OK
    old = recorded("debian-12-set-up", edge_replaced=["/usr/sbin/nginx", "/usr/lib/libssl.so.3"])
    found = items(old)["edge"]
    assert found.state is State.CHANGE
    assert "replaced: /usr/sbin/nginx, /usr/lib/libssl.so.3" in found.note
    assert [describe(action) for action in found.actions] == [f"run systemctl start {SERVICE}"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """Facts lead to the states, notes, actions or refusal that the case names."""
    case = json.loads(path.read_text())
    facts = recorded(case["facts"], **case["change"])
    if "refused" in case:
        with pytest.raises(HoldfastError, match=case["refused"]) as refused:
            refuse(facts, choose(case["settings"], facts))
        assert refused.value.hint
        return
    refuse(facts, choose(case["settings"], facts))
    found = items(facts, **case["settings"])
    assert {key: str(found[key].state) for key in case["states"]} == case["states"]
    for key, note in case.get("notes", {}).items():
        assert note in found[key].note
    for key, wanted in case.get("actions", {}).items():
        said = [f"title: {found[key].title}", *found[key].to_json()["actions"]]
        assert all(any(text in line or _title(text, line) for line in said) for text in wanted)


def _title(wanted: str, line: str) -> bool:
    return wanted.startswith("title: ") and wanted.removeprefix("title: ") in line


SET_UP = sorted(path.stem for path in (HERE / "facts").glob("*-set-up.json"))


@pytest.mark.parametrize("name", SET_UP)
def test_second_run(name: str) -> None:
    """A server that was set up has no changes, and counts fully."""
    facts = recorded(name)
    found = plan(facts, choose({}, facts))
    assert [item.key for item in found if item.state is State.CHANGE] == []
    assert score(found) == 100


@pytest.mark.parametrize("name", SET_UP)
def test_every_file_is_missed(name: str) -> None:
    """Whichever file that set-up wrote is gone or changed, the plan has something to do."""
    facts = recorded(name)
    bare = recorded(name.replace("set-up", "bare"))
    written = {
        action.path
        for item in items(bare).values()
        for action in item.actions
        if isinstance(action, WriteFile) and action.path in facts.files
    }
    assert len(written) > 10
    for path in written:
        kept = {key: value for key, value in facts.files.items() if key != path}
        changed = {**kept, path: File(0o644, "something else\n")}
        for files in (kept, changed) if path != "/etc/login.defs" else (changed,):
            values = {**to_json(facts), "files": to_json(files)}
            found = plan(from_json(values, Facts), choose({}, facts))
            assert any(item.state is State.CHANGE for item in found), path


@pytest.mark.parametrize("name", ["debian-12-bare", "debian-13-bare"])
def test_every_file_is_undone(name: str) -> None:
    """Whatever set-up writes is named where docs/server-setup.md says how it is undone."""
    text = (HERE.parents[2] / "docs" / "server-setup.md").read_text()
    undo = text[text.index("## How to undo it") :]
    written = {
        action.path
        for item in items(recorded(name), docker=True).values()
        for action in item.actions
        if isinstance(action, WriteFile)
    }
    inside = {"/etc/holdfast/": "rm -rf /etc/holdfast\n", "/home/": "userdel --remove holdfast"}
    for path in written:
        top = next((line for start, line in inside.items() if path.startswith(start)), path)
        assert top in undo, path


def test_loaded_rules_that_are_not_the_files() -> None:
    """Its file and its unit are as they ought to be: what is loaded is not, and is named."""
    stray = ("loaded, and not of its rules: tcp dport 5432 accept",)
    found = items(recorded("debian-12-set-up", firewall_strays=list(stray)))["firewall"]
    assert (found.state, found.differs, found.phase) == (State.CHANGE, stray, Phase.GUARDED)
    assert "run systemctl restart holdfast-firewall.service" in found.to_json()["actions"]
    unknown = items(recorded("debian-12-set-up", firewall_strays=None))["firewall"]
    assert (unknown.state, "cannot be told" in unknown.note) == (State.OK, True)


def test_what_differs_is_named() -> None:
    """A setting of the kernel, or of sshd, by its name, and with what it is."""
    there = recorded("debian-12-set-up")
    values = {**to_json(there)["sysctl"], "fs.suid_dumpable": {"value": "2", "writable": True}}
    found = items(recorded("debian-12-set-up", sysctl=values, sshd={"loglevel": "INFO"}))
    assert found["kernel"].differs == ("fs.suid_dumpable is 2, not 0",)
    assert found["ssh"].differs == ("LogLevel is INFO, not VERBOSE",)


@pytest.mark.parametrize(
    ("name", "value", "place", "told"),
    [
        ("APT::Periodic::Unattended-Upgrade", "0", "/etc/apt/apt.conf.d/99off:1", True),
        ("APT::Periodic::Unattended-Upgrade", "0", "/etc/apt/apt.conf:1", True),
        ("APT::Periodic::Unattended-Upgrade", "7", "/etc/apt/apt.conf.d/99often:1", False),
        ("APT::Periodic::Unattended-Upgrade", "1", "/etc/apt/apt.conf.d/20auto-upgrades:2", False),
        ("APT::Periodic::Enable", "0", "/etc/apt/apt.conf.d/99off:1", True),
        ("Unattended-Upgrade::Automatic-Reboot", "false", "/etc/apt/apt.conf.d/99mine:1", True),
        ("Unattended-Upgrade::Origins-Pattern", "", "/etc/apt/apt.conf.d/99none:1", True),
        (
            "Unattended-Upgrade::Origins-Pattern",
            "label=Debian-Security",
            "/etc/apt/apt.conf.d/99more:1",
            False,
        ),
    ],
)
def test_updates_that_a_later_file_stops(name: str, value: str, place: str, told: bool) -> None:
    """What apt really uses counts; the file is named, and the rest of the plan goes on."""
    lists = {f"Unattended-Upgrade::{one}-{two}": {"value": ""} for one, two in _LISTS}
    facts = recorded("debian-12-set-up", apt={**lists, name: {"value": value, "places": [place]}})
    found = items(facts)["updates"]
    assert found.state is (State.MANUAL if told else State.OK)
    assert [place in line and name in line for line in found.manual] == [True] * told
    refuse(facts, choose({}, facts))


_LISTS = (("Origins", "Pattern"), ("Allowed", "Origins"))


def test_a_second_root() -> None:
    """Another account with uid 0 is named, and left to a person."""
    found = items(recorded("debian-12-set-up", also_root=["toor"]))["root-accounts"]
    assert (found.state, "userdel -f toor" in found.manual[0]) == (State.MANUAL, True)


def test_what_can_cut_off_is_guarded() -> None:
    """The firewall and sshd are changed under guard, and nothing else of theirs before."""
    phases = {item.key: item.phase for item in items(recorded("debian-13-bare")).values()}
    assert {key for key, phase in phases.items() if phase is Phase.GUARDED} == {"firewall", "ssh"}
    last = list(phases)[-3:]
    assert last == ["root-password", "integrity", "marker"]
    assert all(phases[key] is Phase.PROVEN for key in last)


def test_somebodys_own_aide_is_left_alone() -> None:
    """Debian's own configuration of AIDE has jobs and settings of its own."""
    bare = recorded("debian-12-bare")
    found = items(recorded("debian-12-bare", packages=[*bare.packages, "aide-common"]))
    assert found["integrity"].state is State.SKIPPED
    assert "aide-common" in found["integrity"].note


def test_reasons() -> None:
    """Every item says why, and where its rule comes from."""
    for item in items(recorded("debian-12-bare")).values():
        assert item.title
        assert item.why
        assert item.source


def test_choices_are_kept() -> None:
    """What was chosen at the first set-up holds for the next, unless something else is asked."""
    marker = json.dumps({"admin": "ops", "open": ["8443/tcp"], "reboot": "never"})
    facts = recorded("debian-13-bare", marker=marker)
    said = {"admin": "ops", "open": ["8443/tcp"], "reboot": "never"}
    kept = {**said, "docker": False, "matches": False}
    assert to_json(choose({}, facts)) == kept
    assert choose({"reboot": "03:30", "open": ["25/tcp"]}, facts).reboot == "03:30"
    assert choose({"open": ["25/tcp"]}, facts).open == ("25/tcp",)


def test_docker_is_kept_once_it_was_asked_for() -> None:
    """Nobody gets it unasked; afterwards the marker remembers."""
    bare = recorded("debian-13-bare")
    assert "docker" not in items(bare)
    marker = json.dumps({"admin": "ops", "docker": True})
    assert "docker" in items(recorded("debian-13-bare", marker=marker))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, {"live-restore": True}),
        ('{"dns": ["192.0.2.1"]}', {"dns": ["192.0.2.1"], "live-restore": True}),
        ('{"live-restore": true}', None),
    ],
)
def test_dockers_own_settings_are_kept(text: str | None, wanted: dict[str, Any] | None) -> None:
    """What somebody has said to the daemon stays; containers outlive it."""
    bare = recorded("debian-13-bare")
    files = {} if text is None else {docker.DAEMON: File(0o644, text)}
    values = {**to_json(bare), "files": {**to_json(bare.files), **to_json(files)}}
    actions = items(from_json(values, Facts), docker=True)["docker"].actions
    assert Install(tuple(sorted(docker.PACKAGES["debian"]))) in actions
    written = [json.loads(one.text) for one in actions if isinstance(one, WriteFile)]
    assert written == ([] if wanted is None else [wanted])


def test_docker_that_is_there_already() -> None:
    """Docker's own packages are not mixed with the distribution's; a damaged file is left alone."""
    there = {docker.SERVICE: Unit("enabled", "active")}
    own = recorded("debian-13-bare", packages=[docker.OWN], units=to_json(there))
    said = [describe(action) for action in items(own, docker=True)["docker"].actions]
    assert said[-1] == "run systemctl reload docker.service"
    assert not any("install" in line for line in said)
    values = {**to_json(own), "files": {docker.DAEMON: {"mode": 0o644, "text": "{"}}}
    damaged = items(from_json(values, Facts), docker=True)["docker"]
    assert (damaged.actions, "left alone" in damaged.note) == ((), True)


def test_debian_12_has_no_docker_that_fits() -> None:
    """It is said, not installed: Compose 2 is missing there."""
    found = items(recorded("debian-12-bare"), docker=True)["docker"]
    assert (found.state, found.actions) == (State.SKIPPED, ())
    assert "no Compose 2" in found.note
