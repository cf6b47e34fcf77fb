"""An app that goes: its containers and networks, then all that it kept."""

from __future__ import annotations

import shutil

from holdfast.compose import overrides
from holdfast.compose.overrides import LABEL
from holdfast.layout import Layout
from holdfast.runtimes.compose import api, containers, docker, hooks, processes, records


def remove(layout: Layout, app: str) -> None:
    """Stop and remove its containers and networks; volumes stay until :func:`forget`."""
    found = containers.find(app)
    running = [item for item in found if item.raw["State"]["Running"]]
    graces = dict.fromkeys((item.id for item in running), processes.GRACE)
    hooks.before_stop(layout, app, graces, running)
    containers.stop(graces)
    containers.remove(item.id for item in found)
    for label in (f"{LABEL}.app={app}", _of_compose(app)):
        for name in api.listed("network", label):
            docker.tried(docker.docker("network", "rm", name))
    for path in records.directory(layout, app).iterdir():
        if path.is_file():
            path.unlink()


def forget(layout: Layout, app: str) -> None:
    """Remove its volumes and images, and whatever was written down."""
    for name in api.listed("volume", _of_compose(app)):
        docker.call(docker.docker("volume", "rm", "--force", name))
    if names := api.tags(f"holdfast/{app}"):
        docker.tried(docker.docker("image", "rm", *names, timeout=docker.STARTING))
    shutil.rmtree(records.directory(layout, app), ignore_errors=True)


def _of_compose(app: str) -> str:
    return f"com.docker.compose.project={overrides.project_name(app)}"
