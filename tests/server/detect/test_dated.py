"""A list without versions whose author had others, years ago."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.server.detect import living

GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
APP = """from click import get_os_args
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"as it was: " + get_os_args.__name__.encode()]
"""


def test_versions_are_those_of_the_commits_time(tmp_path: Path) -> None:
    """Click has dropped in 2022 what this imports; the plan says which day was taken."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text("click\n")
    (project / "app.py").write_text(APP)
    env = {**os.environ, "GIT_COMMITTER_DATE": "2021-06-05T12:00:00+00:00"}
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "x")):
        subprocess.run((*GIT, *words), cwd=project, env=env, check=True)
    with living.place() as place:
        domain = ["--domain", living.host("dated")]
        seen = living.deploy_folder(place, "dated", project, domain)
    assert (seen.live, seen.error) == (True, "")
    assert seen.body == "as it was: get_os_args"
    assert any(line.startswith("as of: 2021-07-01") for line in seen.findings)
