"""What a server takes over from this machine: apt, pip and uv reach in it what they reach here.

Read when an image is made, never written down in the repository: whose mirror and whose
certificates these are is nobody's business but this machine's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from configparser import ConfigParser, Error
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.machines.host import HostError, run

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian has the certificates it trusts, here and in a server."""

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "timeout")
_UV_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
_APT_KEYS = ("Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http::Proxy")


@dataclass(frozen=True, slots=True)
class Inheritance:
    """Mirrors are None where this machine is no Debian: then mmdebstrap's own default holds."""

    mirror: str | None
    security: str | None
    apt: str
    certificates: tuple[str, ...]
    pip: str
    variables: tuple[tuple[str, str], ...]


def read() -> Inheritance:
    """What this machine has to hand on, now."""
    mirror, security = _mirrors()
    named = certificate_files(os.environ)
    return Inheritance(
        mirror=mirror,
        security=security,
        apt=_apt_settings(),
        certificates=certificates([Path(BUNDLE), *named.values()]),
        pip=pip_config(_pip_files(), os.environ),
        variables=tuple(sorted(_variables(named).items())),
    )


def _variables(named: Mapping[str, Path]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _UV_VARIABLES if name in os.environ}
    return {"UV_SYSTEM_CERTS": "true", **dict.fromkeys(named, BUNDLE), **kept}


def _mirrors() -> tuple[str | None, str | None]:
    """apt tells of what it has fetched: where lists of security updates are missing, it fetches."""
    codename = _codename()
    found = mirrors(_index_targets(), codename)
    if codename and None in found:
        with suppress(HostError):  # no network: what is there must do
            run("apt-get", "-q", "update", timeout=300)
        found = mirrors(_index_targets(), codename)
    return found


def mirrors(targets: str, codename: str | None) -> tuple[str | None, str | None]:
    """The mirrors of a release and of its security updates, out of lines ``URI SUITE``."""
    uris: dict[str, str] = {}
    for line in targets.splitlines():
        uri, _, suite = line.partition(" ")
        uris.setdefault(suite.strip(), uri.rstrip("/"))
    return uris.get(f"{codename}"), uris.get(f"{codename}-security")


def _index_targets() -> str:
    # apt itself knows its sources, in whatever form they are written (apt-get(8)).
    wanted = ("Created-By: Packages", "Component: main")
    try:
        return run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", *wanted)
    except HostError:
        return ""


def _codename() -> str | None:
    """The release of this Debian; None if it is something else."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return values.get("VERSION_CODENAME") if values.get("ID") == "debian" else None


def _apt_settings() -> str:
    try:
        lines = run("apt-config", "dump", *_APT_KEYS).splitlines()
    except HostError:
        return ""
    return "".join(f"{line}\n" for line in lines if line.startswith(_APT_KEYS))


def certificate_files(environment: Mapping[str, str]) -> dict[str, Path]:
    """The variables that name a file of certificates, whatever program they are for."""
    found = {}
    for name, value in environment.items():
        path = Path(value) if re.search(r"CERT|CA_|_CA|ROOTS", name) else None
        if path and path.is_file() and _CERTIFICATE.search(_text(path)):
            found[name] = path
    return found


def certificates(paths: Iterable[Path]) -> tuple[str, ...]:
    """Every certificate in the files, each once."""
    found: dict[str, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_CERTIFICATE.findall(_text(path))))
    return tuple(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def give(root: Path, name: str, variables: Mapping[str, str], *, sudo: bool = False) -> None:
    """Give a server that is off variables: for logins (environment(5), by pam_env) and for services
    (systemd-system.conf(5)).

    Args:
        name: of the files.
        sudo: commands behind sudo have them too (sudoers(5)).
    """
    with (root / "etc/environment").open("a") as file:
        file.writelines(f'{key}="{value}"\n' for key, value in variables.items())
    drop_in = root / f"etc/systemd/system.conf.d/{name}.conf"
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    pairs = " ".join(f'"{key}={value}"' for key, value in variables.items())
    drop_in.write_text(f"[Manager]\nDefaultEnvironment={pairs}\n")
    if sudo:
        sudoers = root / "etc/sudoers.d" / name
        sudoers.write_text(f'Defaults env_keep += "{" ".join(variables)}"\n')
        sudoers.chmod(0o440)


def _pip_files() -> list[str]:
    # pip's own order, the later one wins (pip.pypa.io, "Configuration").
    home = Path.home()
    paths = [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    if "PIP_CONFIG_FILE" in os.environ:
        paths.append(Path(os.environ["PIP_CONFIG_FILE"]))
    return [_text(path) for path in paths]


def pip_config(texts: Iterable[str], environment: Mapping[str, str]) -> str:
    """One pip.conf with where packages come from; directories of this machine are left out."""
    settings: dict[str, str] = {}
    for text in texts:
        parser = ConfigParser(interpolation=None)
        try:
            parser.read_string(text)
        except Error:
            continue
        if parser.has_section("global"):
            settings.update(parser["global"])
    for key in _PIP_KEYS:
        variable = "PIP_" + key.upper().replace("-", "_")
        settings[key] = environment.get(variable, settings.get(key, ""))
    lines = [f"{key} = {_remote(settings[key])}\n" for key in _PIP_KEYS if _remote(settings[key])]
    return "".join(["[global]\n", *lines])


def _remote(value: str) -> str:
    return " ".join(word for word in value.split() if not word.startswith(("file:", "/")))
