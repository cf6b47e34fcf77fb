"""The nginx binary of this machine: where it is, and what it can do."""

from __future__ import annotations

import os
import pwd
import re
import resource
import shutil
import socket
from pathlib import Path

from holdfast.command import Command
from holdfast.errors import CommandFailed, EdgeError
from holdfast.execute import run
from holdfast.records import record

_WANTED_FILES = 65536
INSTALL = "apt-get install nginx-light libnginx-mod-http-lua lua-cjson"
_ELSEWHERE = (
    # Debian's path of an ordinary user has no /usr/sbin; OpenResty's packages stay off it.
    "/usr/sbin/nginx",
    "/usr/local/openresty/nginx/sbin/nginx",
    "/usr/local/sbin/nginx",
)


@record
class Program:
    """What the nginx binary of this machine is like.

    Attributes:
        version: of nginx, also for OpenResty.
        modules: files for ``load_module``; none when Lua is compiled in (OpenResty).
        user: whom the workers run as; ``None`` where nginx cannot choose, not being root.
        files: open files that a worker may have.
        ipv6: whether ``[::1]`` can be listened on.
    """

    path: str
    version: tuple[int, ...]
    modules: tuple[str, ...]
    gzip_static: bool
    user: str | None
    files: int
    ipv6: bool

    @property
    def takes_error_log(self) -> bool:
        """Whether ``-e`` names the error log (nginx 1.19.5, https://nginx.org/en/CHANGES)."""
        return self.version >= (1, 19, 5)

    @property
    def http2_of_servers(self) -> bool:
        """Whether ``http2`` is a directive, no longer a word of ``listen`` (nginx 1.25.1)."""
        return self.version >= (1, 25, 1)


def locate() -> str:
    """The path of the binary; runs nothing.

    Raises:
        EdgeError: there is none.
    """
    found = shutil.which("openresty") or shutil.which("nginx")
    found = found or next((path for path in _ELSEWHERE if os.access(path, os.X_OK)), None)
    if found is None:
        raise EdgeError("nginx is not installed", hint=f"install it: {INSTALL}")
    return found


def find() -> Program:
    """The nginx of this machine, with what it can do; about 10 ms.

    Raises:
        EdgeError: there is none, or it has no Lua.
    """
    path = locate()
    try:
        built = run(Command((path, "-V"), timeout=10)).output
    except CommandFailed as error:
        raise EdgeError(f"{path} cannot be run", detail=error.output or error.message) from error
    return Program(
        path=path,
        version=_version(path, built),
        modules=() if "lua-nginx-module" in built or "ngx_lua" in built else _modules(path, built),
        gzip_static="--with-http_gzip_static_module" in built,
        user=_worker_user() if os.geteuid() == 0 else None,
        files=_files(),
        ipv6=_has_ipv6(),
    )


def _version(path: str, built: str) -> tuple[int, ...]:
    found = re.search(r"nginx version: \w+/(\d+)\.(\d+)\.(\d+)", built)
    if found is None:
        raise EdgeError(f"{path} does not say which nginx it is", detail=built)
    return tuple(int(number) for number in found.groups())


def _modules(path: str, built: str) -> tuple[str, ...]:
    found = re.search(r"--modules-path=(\S+)", built)
    directory = Path(found[1] if found else "/usr/lib/nginx/modules")
    paths = tuple(directory / name for name in ("ndk_http_module.so", "ngx_http_lua_module.so"))
    if missing := [file for file in paths if not file.exists()]:
        raise EdgeError(
            f"{path} has no Lua module: {missing[0]} is missing", hint=f"install it: {INSTALL}"
        )
    return tuple(str(file) for file in paths)


def _worker_user() -> str:
    """Debian's user for web servers, or the one that owns nothing."""
    for name in ("www-data", "nginx", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return "nobody"


def _files() -> int:
    """Open files for a worker: what is wanted, or what this machine lets us have.

    Also root may not raise the hard limit in many containers (capabilities(7):
    CAP_SYS_RESOURCE); nginx would log an alert and go on with what it has.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= _WANTED_FILES:
        return _WANTED_FILES
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, _WANTED_FILES))
    except (ValueError, OSError):
        return hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return _WANTED_FILES


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
