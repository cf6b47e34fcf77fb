"""What a test server is like: a Debian as a provider hands it out, with the way outside."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.bed import Bed
from tests.machines.image import PREPARED
from tests.machines.machine import CommandFailed, Machine


@pytest.mark.parametrize("version", ["12", "13"])
def test_boots(
    bed: Bed,
    version: str,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both releases boot, with systemd as process 1 and not one failed unit."""
    with bed.machine(version) as machine:
        machine.boot()
        boot = machine.wait_for_boot()
        release = machine.ssh("cat", "/etc/debian_version").stdout
        failed = machine.ssh("systemctl", "--failed", "--no-legend").stdout
    record_property("boot_seconds", round(boot.seconds, 1))
    with capsys.disabled():
        print(f" Debian {version}: {boot.seconds:.1f} s ", end="")
    assert (boot.state, failed) == ("running", "")
    assert release.startswith(f"{version}.")


@pytest.mark.parametrize("version", ["12", "13"])
def test_prepared(bed: Bed, version: str) -> None:
    """A prepared server has the packages of nginx and the rest, and only sshd listens."""
    with bed.machine(version, prepared=True) as machine:
        machine.boot()
        boot = machine.wait_for_boot()
        words = ("dpkg-query", "-W", "-f", r"${db:Status-Abbrev} ${Package}\n", *PREPARED)
        packages = machine.ssh(*words).stdout.splitlines()
        ports = machine.ssh("ss", "-Hltn").stdout.splitlines()
    assert boot.state == "running"
    assert sorted(packages) == sorted(f"ii  {name}" for name in PREPARED)
    assert {line.split()[3].rpartition(":")[2] for line in ports} == {"22"}


def test_commands(server: Machine) -> None:
    """Words arrive as they were, output and status come back, input goes in."""
    words = ("two words", "$HOME", "it's", "*", "")
    assert server.ssh("printf", r"%s\n", *words).stdout.split("\n")[:-1] == list(words)
    assert server.ssh("cat", input="ä\n").stdout == "ä\n"
    assert server.ssh("false", check=False).returncode == 1
    with pytest.raises(CommandFailed, match="status 3: so it is"):
        server.ssh("sh", "-c", "echo so it is; exit 3")


def test_files(server: Machine, tmp_path: Path) -> None:
    """Files and directories go there and come back."""
    (tmp_path / "out" / "below").mkdir(parents=True)
    (tmp_path / "out" / "below" / "file").write_bytes(bytes(range(256)))
    server.put(tmp_path / "out", "/srv/copied")
    server.get("/srv/copied/below/file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == bytes(range(256))


def test_config_for_ssh(server: Machine) -> None:
    """Any program of OpenSSH reaches the server by its name with the machine's config file."""
    argv = ["ssh", "-F", str(server.ssh_config), server.name, "hostname"]
    assert (
        subprocess.run(argv, check=True, capture_output=True).stdout.decode().strip() == server.name
    )


def test_host_keys_are_its_own(server: Machine, fresh: Machine) -> None:
    """Two servers share no host key, and a changed one is noticed."""
    ours, theirs = (
        {line.split()[2] for line in machine.known_hosts.read_text().splitlines()}
        for machine in (server, fresh)
    )
    assert ours
    assert not ours & theirs


def test_packages(server: Machine) -> None:
    """apt, the name service and pip reach what they reach on this machine."""
    server.ssh("apt-get", "update", timeout=120)
    # Debian's pip without Debian's Python packages around it: one small package.
    server.ssh(
        "apt-get", "install", "-y", "--no-install-recommends", "python3-pip-whl", timeout=300
    )
    pip = 'exec python3 "$(echo /usr/share/python-wheels/pip-*.whl)/pip" "$@"'
    server.ssh("sh", "-c", pip, "pip", "install", "-q", "--target=/srv/pip", "click", timeout=180)
    assert server.ssh("ls", "/srv/pip/click").stdout
    assert server.ssh("getent", "hosts", "pypi.org").stdout


def test_services_trust_too(server: Machine) -> None:
    """A unit that systemd starts gets the variables for certificates, as a login does."""
    wanted = "UV_SYSTEM_CERTS=true"
    assert wanted in server.ssh("env").stdout.splitlines()
    run = ("systemd-run", "--wait", "--pipe", "--quiet", "-p", "DynamicUser=yes", "env")
    assert wanted in server.ssh(*run).stdout.splitlines()


def test_sandboxes(server: Machine) -> None:
    """systemd's sandbox works inside: a strict file system cannot be written to."""
    options = ("-p", "DynamicUser=yes", "-p", "ProtectSystem=strict", "-p", "PrivateTmp=yes")
    run = ("systemd-run", "--wait", "--pipe", "--quiet", *options, "touch", "/srv/no", "/tmp/yes")
    result = server.ssh(*run, check=False)
    assert "/srv/no" in result.stderr
    assert "Read-only file system" in result.stderr
    assert "/tmp/yes" not in result.stderr


def test_firewall(server: Machine) -> None:
    """Rules of nftables can be loaded inside; they are the server's alone."""
    server.ssh("nft", "add", "table", "inet", "of_the_test")
    assert "of_the_test" in server.ssh("nft", "list", "tables").stdout
    ours = subprocess.run(["nft", "list", "tables"], check=True, capture_output=True, text=True)
    assert "of_the_test" not in ours.stdout
    server.ssh("nft", "delete", "table", "inet", "of_the_test")
