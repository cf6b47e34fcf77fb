"""The far end of set-up: one request on standard input, the protocol's lines on standard output.

Runs as root, out of memory; nothing of it is left on the server.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from holdfast.command import Command
from holdfast.errors import HoldfastError, UsageError
from holdfast.execute import run as execute
from holdfast.files import write_atomic
from holdfast.protocol import Emit, Event, error_to_json
from holdfast.provision import guard
from holdfast.provision.apply import Applier, clear_policy, strict
from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import for_admin, gather
from holdfast.provision.model import Item, Phase, Settings, State
from holdfast.provision.operations import account
from holdfast.provision.operations.ssh_others import contradictions
from holdfast.provision.operations.ssh_wanted import differing
from holdfast.provision.operations.sshd import CONFIG
from holdfast.provision.plan import choose, look, plan, read_marker, refuse, score

Params = Mapping[str, Any]


def main() -> int:
    """Answer one request."""
    wire = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _write(wire, _answer(wire))
    return 0


def _answer(wire: IO[bytes]) -> dict[str, Any]:
    def emit(event: Event) -> None:
        _write_line(wire, event.to_line().encode())

    try:
        request = json.loads(sys.stdin.buffer.readline())
        strict()
        method = METHODS.get(request["method"])
        if method is None:
            raise UsageError(f"no method {request['method']!r}")
        return {"result": method(request["params"], emit)}
    except HoldfastError as error:
        return {"error": error_to_json(error)}
    except Exception as error:  # noqa: BLE001 - the other side has no other way to hear of it
        told = HoldfastError(
            f"Holdfast has a fault: {type(error).__name__}: {error}", detail=traceback.format_exc()
        )
        return {"error": error_to_json(told)}


def _write(wire: IO[bytes], value: Mapping[str, Any]) -> None:
    _write_line(wire, json.dumps(value).encode())


def _write_line(wire: IO[bytes], line: bytes) -> None:
    """Whoever asked may be gone; what was begun is finished all the same."""
    data = memoryview(line + b"\n")
    try:
        while data:
            data = data[wire.write(data) or 0 :]
    except BrokenPipeError:
        pass


def _look(params: Params) -> tuple[Facts, Settings, tuple[Item, ...]]:
    """The facts, with sshd's settings as they are for the admin who is chosen from them."""
    given = params.get("settings", {})
    facts = gather(look())
    settings = choose(given, facts)
    facts = for_admin(facts, settings.admin)
    return facts, settings, plan(facts, settings)


def show(params: Params, emit: Emit) -> dict[str, Any]:
    """The plan; changes nothing."""
    facts, settings, items = _look(params)
    if params.get("refuse", True):
        refuse(facts, settings)
    return {
        "system": facts.name,
        "login": facts.login,
        "admin": settings.admin,
        "grants": account.newly(facts, settings),
        "container": facts.container,
        "set_up": (read_marker(facts.marker) or {}).get("set_up"),
        "score": score(items),
        "logins": {name: len(user.keys) for name, user in facts.users.items() if user.keys},
        "sudoers": list(facts.sudoers),
        "items": [item.to_json() for item in items],
    }


_FOLLOWS = frozenset({"permissions", "edge"})
"""Items that what was just installed may bring along, shown or not."""


def apply(params: Params, emit: Emit) -> dict[str, Any]:
    """Bring about what cannot cut anybody off; then once more, for what packages brought."""
    clear_policy()
    facts, _, items = _look(params)
    first = _apply(facts, _confirmed(items, params, Phase.OPEN), emit)
    if not first["changed"]:
        return first
    facts, _, items = _look(params)
    more = {**params, "keys": [*params["keys"], *_FOLLOWS]}
    second = _apply(facts, _confirmed(items, more, Phase.OPEN), emit)
    return {
        "changed": list(dict.fromkeys([*first["changed"], *second["changed"]])),
        "downloading": first["downloading"] + second["downloading"],
    }


def guarded(params: Params, emit: Emit) -> dict[str, Any]:
    """Change what can cut its user off, for ``seconds`` unless confirmed."""
    facts, settings, items = _look(params)
    wanted = _confirmed(items, params, Phase.GUARDED)
    if not wanted:
        return {"changed": [], "downloading": 0.0}
    guard.arm(wanted, float(params["seconds"]), _ungranted(params))
    try:
        result = _apply(facts, wanted, emit)
        _check_sshd(settings)
    except BaseException:
        guard.put_back()
        raise
    return result


def confirm(params: Params, emit: Emit) -> dict[str, Any]:
    """Keep what was changed under guard, if anything was: that we are asked proves the login."""
    if params.get("confirm"):
        guard.confirm()
    return {}


def proven(params: Params, emit: Emit) -> dict[str, Any]:
    """Do what may be done only once the admin's login is proven."""
    facts, _, items = _look(params)
    return _apply(facts, _confirmed(items, params, Phase.PROVEN), emit)


def put_back(params: Params, emit: Emit) -> dict[str, Any]:
    """Undo what was not confirmed; so the admin who could not log in loses sudo, too.

    Returns:
        ``kept``: whether the new settings are in force, for they were confirmed before.
    """
    guard.put_back()
    if not params.get("guarded"):
        for path, text in _ungranted(params).items():
            if text is None:
                Path(path).unlink(missing_ok=True)
            else:
                write_atomic(Path(path), text, mode=0o440)
    _, _, items = _look(params)
    guarded = [item for item in items if item.phase is Phase.GUARDED]
    return {"kept": not any(item.state is State.CHANGE for item in guarded)}


def _ungranted(params: Params) -> dict[str, str | None]:
    """The sudoers file without the one who got sudo in this run, if somebody did."""
    name = params.get("ungrant")
    try:
        text = Path(account.SUDOERS).read_text()
    except OSError:
        return {}
    return {account.SUDOERS: account.without(text, str(name))} if name else {}


def reboot(params: Params, emit: Emit) -> dict[str, Any]:
    """Reboot once this answer is out."""
    execute(
        Command(
            ("systemd-run", "--quiet", "--collect", "--on-active=1", "systemctl", "reboot"),
            timeout=30,
        )
    )
    return {}


def _confirmed(items: tuple[Item, ...], params: Params, phase: Phase) -> list[Item]:
    """What is to be changed in a phase.

    Raises:
        HoldfastError: something that nobody was shown; the server has changed meanwhile.
    """
    keys = set(params["keys"])
    wanted = [item for item in items if item.state is State.CHANGE and item.phase is phase]
    if unseen := [item for item in wanted if item.key not in keys]:
        raise HoldfastError(
            f"the server has changed meanwhile: {unseen[0].title}",
            hint="run the command again and look at the new plan",
        )
    return wanted


def _apply(facts: Facts, items: list[Item], emit: Emit) -> dict[str, Any]:
    applier = Applier(emit, facts.lists_age)
    for item in items:
        applier.apply(item)
    return {"changed": [item.key for item in items], "downloading": applier.downloading}


def _check_sshd(settings: Settings) -> None:
    """What sshd would use must be what our file says; something else may come first.

    Raises:
        HoldfastError: it is not.
    """
    facts = for_admin(gather(look()), settings.admin)
    if wrong := differing(facts):
        lines = contradictions(facts, settings)
        raise HoldfastError(
            f"sshd's {wrong[0]} is not what {CONFIG} says"
            + (f", because of {'; '.join(lines)}" if lines else ""),
            hint="another file says so first, or in a Match block: look for it on the server with"
            f" grep -ri {wrong[0]} /etc/ssh/sshd_config /etc/ssh/sshd_config.d",
        )


METHODS: Mapping[str, Callable[[Params, Emit], dict[str, Any]]] = {
    "show": show,
    "apply": apply,
    "guarded": guarded,
    "confirm": confirm,
    "proven": proven,
    "put_back": put_back,
    "reboot": reboot,
}
