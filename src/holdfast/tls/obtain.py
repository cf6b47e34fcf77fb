"""Give one app its certificate: the story, from what there is to what is tried next.

What was tried and what came of it stands in ``ROOT/tls/state.json``, by app::

    {"asked": [...], "failures": 2, "next": 1790000000.0,
     "problem": {"kind", "message", "hint"},
     "renewals": 1, "proven": 1790000000.0, "hsts": 86400}
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from holdfast.app import AppSpec
from holdfast.records import record
from holdfast.tls import acme, domains, own, pointing
from holdfast.tls.explain import Refusal
from holdfast.tls.outcome import Outcome
from holdfast.tls.pauses import pause
from holdfast.tls.store import Store

_WELL = {"failures": 0, "next": 0.0, "problem": None}


@record
class Place:
    """This machine as a CA sees it: the port of plain HTTP, and its own addresses."""

    port: int
    own: Callable[[], Sequence[str]] = pointing.own_addresses


def attend(
    store: Store,
    spec: AppSpec,
    place: Place,
    *,
    force: bool = False,
    patient: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Get, renew or complete the app's certificate if that is due.

    Args:
        force: ask for a new one though the old is good, and whatever the pause says.
        patient: keep the pause after a failure that only DNS was asked about.
        say: told before the CA is asked.
    """
    if spec.tls.certificate:
        return _noted(store, spec, own.attend(store, spec), ())
    names = domains.wanted(spec)
    if not names or not (force or needed(store, spec)):
        return _settled(store, spec)
    if not (force or due(store.state().get(spec.name, {}), names, patient=patient)):
        return Outcome(refusal=_told(store.state()[spec.name]))
    ready, refusal = _ready(store, names, place)
    if not ready or not (force or _gains(store, spec, ready)):
        return _noted(store, spec, Outcome(refusal=refusal), names)
    say(f"asking {_host(spec.tls.directory)} for a certificate for {', '.join(ready)}")
    refused = acme.ask(store, spec.name, ready, spec.tls)
    outcome = Outcome(changed=refused is None, asked=True, refusal=refused or refusal)
    return _noted(store, spec, outcome, names)


def needed(store: Store, spec: AppSpec) -> bool:
    """Whether the app has no certificate of a CA's, one about to end, or one that lacks a name."""
    pair = store.installed(spec.name)
    if pair is None or pair.origin != "acme" or pair.certificate.worn():
        return True
    return not all(pair.certificate.covers(name) for name in domains.wanted(spec))


def due(state: dict[str, Any], names: Sequence[str], *, patient: bool = True) -> bool:
    """Whether it may be tried now: the pause is over, or something else is wanted than then."""
    if list(names) != state.get("asked", []) or time.time() >= state.get("next", 0.0):
        return True
    return not patient and (state.get("problem") or {}).get("kind") in ("pointing", "client")


def _ready(store: Store, names: Sequence[str], place: Place) -> tuple[list[str], Refusal | None]:
    """The names that lead here, and what is wrong with the others."""
    store.make()
    here = place.own()
    leads = [pointing.look(name, store.webroot, place.port, here) for name in names]
    wrong = [lead for lead in leads if lead.problem]
    ready = [lead.domain for lead in leads if not lead.problem or not lead.certain]
    if not wrong:
        return ready, None
    return ready, Refusal(
        "pointing",
        "; ".join(str(lead.problem) for lead in wrong),
        "; ".join(dict.fromkeys(str(lead.hint) for lead in wrong)),
    )


def _gains(store: Store, spec: AppSpec, ready: Sequence[str]) -> bool:
    """Whether a certificate for ``ready`` is more than what there is."""
    pair = store.installed(spec.name)
    if pair is None or pair.origin != "acme" or pair.certificate.worn():
        return True
    return not all(pair.certificate.covers(name) for name in ready)


def _noted(store: Store, spec: AppSpec, outcome: Outcome, names: Sequence[str]) -> Outcome:
    """Remember what came of it, and when to try again."""
    with store.changed() as states:
        state = states.setdefault(spec.name, {})
        state["asked"] = list(names)
        if outcome.changed:
            state["renewals"] = state.get("renewals", -1) + 1
        if outcome.refusal is None:
            state.update(_WELL)
            return outcome
        refusal = outcome.refusal
        # A certificate for some of the names is no failure of the CA's.
        state["failures"] = 1 if outcome.changed else state.get("failures", 0) + 1
        state["next"] = time.time() + pause(refusal.kind, state["failures"], refusal.wait)
        state["problem"] = {
            "kind": refusal.kind, "message": refusal.message, "hint": refusal.hint
        }  # fmt: skip
    return outcome


def _settled(store: Store, spec: AppSpec) -> Outcome:
    """Nothing is to be had; what was the matter, with a name or file wanted no more, is over."""
    state = store.state().get(spec.name, {})
    if state.get("problem") or state.get("failures") or state.get("next"):
        with store.changed() as states:
            states[spec.name].update(_WELL)
    return Outcome()


def _told(state: dict[str, Any]) -> Refusal | None:
    problem = state.get("problem")
    return Refusal(problem["kind"], problem["message"], problem["hint"]) if problem else None


def _host(directory: str) -> str:
    host = directory.split("/")[2] if "//" in directory else directory
    return "Let's Encrypt" if directory == domains.PUBLIC_CA else host
