"""Releases to reason about, without a disk behind them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from holdfast.app import AppSpec, Dependencies, Process, ReleaseCommand, Web
from holdfast.runtimes.contract import Release


def spec(*, release: ReleaseCommand | None = None, workers: tuple[str, ...] = ()) -> AppSpec:
    """An app called ``notes`` with one domain."""
    return AppSpec(
        name="notes",
        domains=("notes.localhost",),
        framework="flask",
        dependencies=Dependencies("none"),
        web=Web("serve"),
        processes=tuple(Process(name, f"run {name}") for name in workers),
        release=release,
    )


def sample_release(identity: str = "2", app: AppSpec | None = None) -> Release:
    """A release of that app."""
    return Release(
        id=identity,
        path=Path("/nowhere") / identity,
        spec=app or spec(),
        commit="3f2a1c9",
        dirty=False,
        created=1.0,
        env_path=Path("/nowhere/env"),
    )


def with_policy(app: AppSpec, **policy: object) -> AppSpec:
    """The same app, deployed otherwise."""
    return replace(app, policy=replace(app.policy, **policy))  # type: ignore[arg-type]
