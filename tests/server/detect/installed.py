"""Projects as text, laid down, installed with uv and asked: as a release does it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.app import AppSpec, Dependencies
from holdfast.command import Command
from holdfast.config import Config
from holdfast.detect import Answers, Project, probe, resolve, scan
from holdfast.detect.machine import Machine
from holdfast.execute import run
from tests.server.packages import UV_CACHE, keep_compiled

MACHINE = Machine(cores=2, memory=4 * 1024**3, shared_memory=Path("/dev/shm").is_dir())


def uv() -> str:
    """uv, which is installed beside us."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else "uv"


def install(env: Path, dependencies: Dependencies, source: Path) -> Path:
    """A virtual environment with the project's dependencies; its ``bin`` directory."""
    env_of_uv = {**os.environ, "UV_CACHE_DIR": str(UV_CACHE)}
    subprocess.run([uv(), "venv", "-q", "--python", sys.executable, str(env)], check=True)
    named = ["-r", dependencies.files[0]] if dependencies.files else []
    subprocess.run(
        [
            *(uv(), "pip", "install", "-q", "--python", str(env / "bin" / "python")),
            *named,
            *dependencies.extra,
        ],
        check=True,
        cwd=source,
        env=env_of_uv,
        timeout=120,
    )
    return env / "bin"


def environment(bin_directory: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": f"{bin_directory}:/usr/bin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        **more,
    }


def asker(bin_directory: Path, source: Path, env: Mapping[str, str]) -> Callable[[str], str]:
    def ask(script: str) -> str:
        command = Command(
            (str(bin_directory / "python"), "-"),
            timeout=60,
            env=environment(bin_directory, **env),
            clean_env=True,
            cwd=source,
            stdin=script.encode(),
        )
        return run(command).output

    return ask


@dataclass(frozen=True)
class Detected:
    project: Project
    answers: Answers
    spec: AppSpec
    bin: Path
    source: Path


def detect(source: Path, config: Config, env: Path) -> Detected:
    """Scan, install, probe, resolve."""
    project = scan(source, config)
    bin_directory = install(env, project.dependencies, source)
    secrets = dict.fromkeys(project.generate, "0123456789" * 5)
    ask = asker(bin_directory, source, {**(config.env or {}), **secrets})
    answers = probe(project, ask, config)
    keep_compiled(env)
    spec = resolve(config, project, answers, MACHINE)
    return Detected(project, answers, spec, bin_directory, source)
