"""Every tiny project is understood as its text says, or refused with the message it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.app import AppSpec
from holdfast.detect import Answers, Project, resolve, scan
from holdfast.detect.facts import FrontEnd
from holdfast.detect.machine import Machine
from holdfast.errors import DetectionError
from tests.unit.detect.cases import Case, every

MACHINE = Machine(cores=4, memory=4 * 1024**3, shared_memory=True)


@pytest.mark.parametrize("case", every(), ids=lambda case: case.name)
def test_the_project_is_what_its_text_says(case: Case, tmp_path: Path) -> None:
    """Scanned and resolved without running anything, each key of ``expect`` holds."""
    root = case.write(tmp_path)
    if "error" in case.expect:
        refused(case, root)
        return
    config = case.settings()
    project = scan(root, config)
    spec = resolve(config, project, Answers(), MACHINE)
    found = {**of_project(project), **of_spec(spec)}
    assert not set(case.expect) - set(found), "a key that no test knows"
    assert {key: found[key] for key in case.expect} == case.expect
    assert all(finding.why for finding in spec.findings)


def refused(case: Case, root: Path) -> None:
    with pytest.raises(DetectionError) as raised:
        scan(root, case.settings())
    message = raised.value.message.replace(f"{root}", "ROOT")
    assert case.expect["error"] in message
    assert case.expect["hint"] in (raised.value.hint or "")


def of_project(project: Project) -> dict[str, Any]:
    best = next(iter(project.candidates), None)
    needed = project.dependencies
    return {
        "framework": project.framework,
        "app": f"{best.target}{'()' if best.factory else ''}" if best else None,
        "interface": best.interface if best else None,
        "others": [item.target for item in project.candidates[1:]],
        "directory": project.directory,
        "settings": project.settings or "",
        "manage": project.manage or "",
        "server": project.server.name if project.server else None,
        "added": sorted({item.partition("=")[0] for item in needed.extra}),
        "dependencies": [needed.source, *needed.files],
        "install_project": needed.install_project,
        "python": needed.python,
        "generate": sorted(project.generate),
        "split": list(project.split),
        "front": [
            item
            for found in project.all(FrontEnd)
            for item in (found.program, found.install, found.fetched, found.skipped)
        ],
    }


def of_spec(spec: AppSpec) -> dict[str, Any]:
    release = spec.release
    return {
        "web": spec.web.command,
        "listen": spec.web.listen,
        "started_in": spec.web.directory,
        "health": spec.web.health,
        "release": [release.command, release.directory] if release else "",
        "known": release.known if release else None,
        "release_settings": dict(release.settings) if release else None,
        "build": list(spec.build),
        "at_start": [item.value for item in spec.findings if item.what == "at start"],
        "system": [finding.why for finding in spec.findings if finding.what == "system"],
        "processes": {item.name: item.command for item in spec.processes},
        "env": {
            name: value
            for name, value in spec.env.items()
            if name not in ("PYTHONUNBUFFERED", "FLASK_APP")
        },
        "flask_app": spec.env.get("FLASK_APP"),
        "persist": [f"{item.path}{'/' * (item.kind == 'directory')}" for item in spec.persist],
        "static": {item.url: item.directory for item in spec.static},
        "warnings": [
            f"{item.what}: {item.value}" for item in spec.findings if item.level != "info"
        ],
        "not_run": [item.value for item in spec.findings if item.what == "not run"],
        "workers": next((item.value for item in spec.findings if item.what == "workers"), None),
    }
