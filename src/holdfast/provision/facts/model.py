"""The facts that operations decide from. Frozen, and plain enough to be kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from holdfast.records import record


@record
class File:
    """A regular file; ``text`` is ``None`` where only the mode is of interest."""

    mode: int
    text: str | None = None


@record
class Unit:
    """A unit of systemd: is-enabled's and is-active's words."""

    enabled: str
    active: str


@record
class Setting:
    """A kernel setting; read-only in most containers."""

    value: str
    writable: bool


@record
class User:
    """An account that can log in.

    Attributes:
        keys: the lines of its ``authorized_keys`` that let somebody in.
        groups: those that it is in.
    """

    home: str
    keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@record
class Listener:
    """A socket that others can reach; ``process`` is empty where it is not known."""

    protocol: str
    port: int
    process: str = ""


@record
class SshLine:
    """A line of sshd's configuration; ``match`` is what its block is for, empty: everybody."""

    path: str
    number: int
    match: str
    keyword: str
    value: str

    def __str__(self) -> str:
        block = f" (Match {self.match})" if self.match else ""
        return f"{self.path}:{self.number}: {self.keyword} {self.value}{block}"


@record
class AptValue:
    """What apt uses for one of its settings, and the files that speak of it, ``path:line``."""

    value: str
    places: tuple[str, ...] = ()


@record
class Facts:
    """One server, at one moment.

    Attributes:
        system: ``ID`` of os-release(5); ``release`` its ``VERSION_ID``; ``name`` for a person.
        container: the kind, as systemd-detect-virt(1) has it; ``None``: a machine of its own.
        login: the account that logged in, before any sudo.
        ssh_port: where this connection came in; 0 if it is no SSH connection.
        ssh_version: of OpenSSH's server: ``9.2``.
        sshd: its settings as it would use them for the admin, ``sshd -T``; lower case.
        sshd_root: what of that is otherwise for root.
        ssh_lines: of its configuration, in order.
        root_password: whether root has one that can be used.
        also_root: other accounts with uid 0.
        sudoers: files of ``/etc/sudoers.d``, all that sudo reads.
        apt: what apt uses of the settings that matter here, whichever of its files says so.
        packages: what is installed, of what matters here.
        security: whether apt has a source of security updates.
        lists_age: seconds since apt's lists were fetched; ``None``: never.
        firewall: the comment of our loaded table in nftables; empty if there is none.
        firewall_strays: in what that table is not the one of its file; ``None``: cannot be told.
        uplinks: interfaces by which the internet is reached.
        memory, swap, disk: megabytes: of memory, swap, and what is free on the root file system.
        filesystem: of the root: ``ext4``, ``btrfs``, ``overlay``.
        edge_replaced: files that the running edge has loaded and an update has replaced since.
        marker: ``/etc/holdfast/server.json`` as text, if there is one.
    """

    system: str
    release: str
    name: str
    container: str | None
    login: str
    ssh_port: int
    ssh_version: str
    sshd: Mapping[str, str]
    root_password: bool
    packages: tuple[str, ...]
    lists_age: float | None
    firewall: str
    memory: int
    swap: int
    disk: int
    filesystem: str
    marker: str | None = None
    users: Mapping[str, User] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    sysctl: Mapping[str, Setting] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()
    security: bool = True
    firewall_strays: tuple[str, ...] | None = ()
    sshd_root: Mapping[str, str] = field(default_factory=dict)
    ssh_lines: tuple[SshLine, ...] = ()
    also_root: tuple[str, ...] = ()
    sudoers: tuple[str, ...] = ()
    apt: Mapping[str, AptValue] = field(default_factory=dict)
    edge_replaced: tuple[str, ...] = ()
    uplinks: tuple[str, ...] = ()

    def text(self, path: str) -> str | None:
        """The text of a file; ``None`` if it is not there."""
        found = self.files.get(path)
        return None if found is None else found.text
