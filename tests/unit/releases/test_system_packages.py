"""What the distribution has for packages that are compiled, and who may have it installed."""

from __future__ import annotations

import shutil

from holdfast.distribution import headers
from holdfast.releases.system_packages import SystemPackages, apt

_DPKG = shutil.which("dpkg-query")


def test_what_packages_are_compiled_with() -> None:
    """Each is named once, after a compiler; of one that nobody knows nothing is known."""
    assert headers.of(["mysqlclient", "pycairo"]) == (
        *headers.COMPILER,
        *("default-libmysqlclient-dev", "pkg-config", "libcairo2-dev"),
    )
    assert headers.of(["greenlet"]) == headers.of([]) == ()


def test_where_it_is_not_allowed_nothing_is_said_or_run() -> None:
    said: list[str] = []
    system = SystemPackages(said.append, said.append, lambda: False, allowed=False)
    assert not system.install(("holdfast-no-such-package",), "a test")
    assert said == []


def test_what_the_config_names_is_said_where_it_is_missing() -> None:
    """On somebody's own machine nothing is installed; what is there is not spoken of."""
    said: list[str] = []
    system = SystemPackages(said.append, said.append, lambda: False, allowed=False)
    system.provide(("dpkg", "holdfast-no-such-package"))
    known = "not on this machine: apt-get install holdfast-no-such-package"
    assert said == ([f"[build] system_packages in holdfast.toml: {known}"] if _DPKG else [])


def test_apt_asks_nothing() -> None:
    """Not on its terminal, not through debconf, and no service of another app is restarted."""
    command = apt("install", "libpq-dev")
    assert command.argv[:3] == ("apt-get", "-q", "-y")
    assert command.argv[-3:] == ("--no-install-recommends", "install", "libpq-dev")
    assert {"DEBIAN_FRONTEND", "NEEDRESTART_SUSPEND"} <= set(command.env)
