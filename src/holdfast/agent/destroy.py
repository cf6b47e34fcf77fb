"""The agent's method that removes an app."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.agent import certificates, keys
from holdfast.agent.deploys import known
from holdfast.deploy.lock import deploy_lock
from holdfast.deploy.machine import Machine
from holdfast.protocol import Emit


def destroy(machine: Machine, params: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Stop and forget an app; with ``keep_data`` its data and variables stay.

    Its deploy keys go in any case: an app that was removed is brought back by who may make one.
    """
    app = known(machine, str(params["app"]))
    layout = machine.layout.app(app)
    machine.journal.request_cancel(app)
    machine.runtime.stop_engine(app)
    with deploy_lock(layout.lock, wait=60.0):
        done: dict[str, Any] = {"keys": keys.forget(machine.layout, app)}
        machine.runtime.remove(app)
        machine.edge.remove(app)
        machine.journal.forget(app)
        if params.get("keep_data"):
            for path in layout.home.iterdir():
                if path not in (layout.data, layout.written, layout.env_file, layout.lock):
                    _remove(path)
            return {**done, "kept": str(layout.data)}
        shutil.rmtree(layout.home)
        certificates.forget(machine, app)
        machine.runtime.forget_account(app)
    return done


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
