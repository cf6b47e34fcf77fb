"""Variables that name something outside of the app, and are ``None`` where nobody has set them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from holdfast.detect.facts import EnvRead
from holdfast.detect.project import Project

_OUTSIDE = re.compile(
    r"(?:^|_)(?:DB|DATABASE|POSTGRES|POSTGRESQL|PG|MYSQL|MONGO|MONGODB|REDIS|SMTP|MAIL|EMAIL)\w*"
    r"(?:HOST|SERVER|NAME|USER|USERNAME|PASS|PASSWORD|PASSWD|URL|URI|CONNECTIONSTRING)$"
    r"|(?:API_KEY|API_TOKEN|ACCESS_TOKEN|CLIENT_SECRET)$"
)
"""Names of what only the user knows: where a database is, what a service gave out."""


def unset(project: Project, known: Container[str]) -> Iterator[EnvRead]:
    """Those that the app's files read without a default, by their names, each once."""
    found: dict[str, EnvRead] = {}
    for fact in project.all(EnvRead):
        if fact.bare and fact.name not in known and fact.evidence.file in project.loaded:
            if _OUTSIDE.search(fact.name):
                found.setdefault(fact.name, fact)
    yield from (found[name] for name in sorted(found))
