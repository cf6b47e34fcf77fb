"""``holdfast server``: machines, before any app is on them."""

from __future__ import annotations

import re
from typing import Any

import click

from holdfast.cli import deploy_key
from holdfast.cli.asking import confirm
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Duration, yes_option
from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.server import check_lines, list_lines, plan_lines
from holdfast.cli.verb import given, verb_group
from holdfast.errors import UsageError

_ADMIN = re.compile(r"[a-z_][a-z0-9_-]{0,30}")  # useradd(8)
_PORT = re.compile(r"([1-9][0-9]{0,4})(?:/(tcp|udp))?")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|never")


@verb_group(
    "server",
    "holdfast server setup root@203.0.113.7",
    "holdfast server check root@203.0.113.7",
    "holdfast server list",
    "holdfast server deploy-key add deploy-key.pub --app notes",
)
def command() -> None:
    """Make a bare server fit for the internet, keep it so, and say who may deploy to it."""


command.add_command(deploy_key.command)


@command.command(
    "setup",
    examples=[
        "holdfast server setup root@203.0.113.7",
        "holdfast server setup root@203.0.113.7 --dry-run",
        "holdfast server setup debian@203.0.113.7:2222 --open 8443 --yes",
        "holdfast server setup root@203.0.113.7 --docker",
    ],
)
@click.argument("server", metavar="SERVER")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop; nothing is changed.")
@click.option(
    "--admin",
    metavar="NAME",
    help="The account that logs in from then on. [default: holdfast, or the one given if not root]",
)
@click.option(
    "--open",
    "opened",
    metavar="PORT[/udp]",
    multiple=True,
    help="One more port that the firewall lets in; repeat it for more.",
)
@click.option(
    "--reboot-at",
    metavar="HH:MM",
    help="When a security update may reboot the server; never: not by itself. [default: 04:00]",
)
@click.option("--docker", is_flag=True, help="Install Docker, too, for Compose projects.")
@click.option(
    "--keep-matches/--no-keep-matches",
    "matches",
    default=None,
    help="Let Match blocks of sshd's let others than the admin in by password. Remembered.",
)
@yes_option
@given
def setup(
    invocation: Invocation,
    server: str,
    dry_run: bool,
    admin: str | None,
    opened: tuple[str, ...],
    reboot_at: str | None,
    docker: bool,
    matches: bool | None,
    yes: bool,
) -> None:
    """Set up SERVER: Debian 12 or 13, or Ubuntu 24.04, as a provider hands it out.

    The plan is shown first. The new SSH settings are proven by a second login before the first
    is given up, and put back by the server itself if that fails. Run again, nothing changes.
    """
    from holdfast.servers.setup import Setup, reached

    chosen = {"docker": docker or None, "matches": matches}
    settings = {**_settings(admin, opened, reboot_at), **chosen}
    _refuse_local(server)
    with reached(server) as far:
        under_way = Setup(far, settings)
        if dry_run or not under_way.changes:
            if not dry_run:
                under_way.remember()
            result = {**under_way.shown, "changed": [], "dry_run": dry_run}
            invocation.answer(result, plan_lines(under_way.shown, Paint()))
            return
        if not invocation.json:
            print("\n".join(plan_lines(under_way.shown, Paint())), flush=True)
        _agree(invocation, yes, f"Make these changes on {server}?")
        done = _run(invocation, under_way)
        login = under_way.admin
    there = login.written(login.user)
    lines = [
        (
            f"{server} is set up: {words.count(len(done['changed']), 'change')} in"
            f" {words.seconds(done['seconds'])}"
        ),
        f"log in with {login.typed}; deploy with holdfast deploy --server {there}",
    ]
    invocation.answer({**under_way.shown, **done, "server": there}, lines)


@command.command("check", examples=["holdfast server check root@203.0.113.7 --json"])
@click.argument("server", metavar="SERVER")
@given
def check(invocation: Invocation, server: str) -> int:
    """Compare SERVER with what set-up makes of one; nothing is changed.

    The exit code is 1 if something differs.
    """
    from holdfast.servers.setup import nothing, reached

    _refuse_local(server)
    with reached(server) as far:
        shown = far.call("show", {"settings": {}, "refuse": False}, nothing)
    invocation.answer(shown, check_lines(shown, Paint()))
    return int(any(item["state"] in ("change", "manual") for item in shown["items"]))


@command.command("list", examples=["holdfast server list"])
@given
def list_(invocation: Invocation) -> None:
    """List the servers that were set up from here, and the one that this folder's file names."""
    from holdfast.codec import to_json
    from holdfast.transport.ssh import known

    servers = [{**to_json(item), "server": item.server} for item in known.read()]
    for name in _named_here(invocation):
        if name not in {item["server"] for item in servers}:
            servers.append({"server": name, "system": None, "set_up": None})
    invocation.answer({"servers": servers}, list_lines(servers))


@command.command(
    "reboot",
    examples=["holdfast server reboot root@203.0.113.7", "holdfast server reboot box --wait 10m"],
)
@click.argument("server", metavar="SERVER")
@click.option(
    "--wait",
    type=Duration(),
    default=300.0,
    metavar="DURATION",
    help="How long to wait until its apps are back. [default: 5m]",
)
@yes_option
@given
def reboot(invocation: Invocation, server: str, wait: float, yes: bool) -> None:
    """Reboot SERVER, wait until its apps are back, and say how long it took."""
    from holdfast.servers.reboot import reboot as run
    from holdfast.servers.setup import reached

    _refuse_local(server)
    with reached(server) as far:
        _agree(invocation, yes, f"Reboot {server}? Visitors get no answer meanwhile.")
        done = run(far, wait, invocation.note)
    apps = f"; {words.count(len(done['apps']), 'app')} back" if done["apps"] else ""
    invocation.answer(done, [f"{server} is back after {words.seconds(done['seconds'])}{apps}"])


def _run(invocation: Invocation, under_way: Any) -> dict[str, Any]:
    from holdfast.cli.following import showing

    with showing(invocation) as view:
        result: dict[str, Any] = under_way.run(view)
    return result


def _agree(invocation: Invocation, yes: bool, question: str) -> None:
    if yes:
        return
    if not invocation.interactive:
        raise UsageError(
            "nobody is here to be asked; nothing was changed", hint="--yes asks nothing"
        )
    confirm(question)


def _settings(admin: str | None, opened: tuple[str, ...], reboot_at: str | None) -> dict[str, Any]:
    """What was asked for, checked: it ends up in files of the server's."""
    if admin is not None and (not _ADMIN.fullmatch(admin) or admin == "root"):
        raise UsageError(
            f"--admin: {admin!r} is no name for the admin's account",
            hint="lower-case letters, digits, - and _, at most 31; not root",
        )
    if reboot_at is not None and not _TIME.fullmatch(reboot_at):
        raise UsageError(f"--reboot-at: {reboot_at!r} is no time", hint="04:00, or never")
    ports = [_port(text) for text in opened]
    return {"admin": admin, "open": ports or None, "reboot": reboot_at}


def _port(text: str) -> str:
    found = _PORT.fullmatch(text)
    if found is None or int(found[1]) > 65535:
        raise UsageError(f"--open: {text!r} is no port", hint="8443, 8443/tcp or 51820/udp")
    return f"{found[1]}/{found[2] or 'tcp'}"


def _refuse_local(server: str) -> None:
    if server == "local":
        raise UsageError(
            "server setup works over SSH, also on this machine",
            hint="holdfast server setup root@localhost",
        )


def _named_here(invocation: Invocation) -> list[str]:
    """The servers that the folder's configuration files name, local left out."""
    import tomllib

    found = []
    for path in sorted(invocation.directory.glob("holdfast*.toml")):
        try:
            server = tomllib.loads(path.read_text()).get("app", {}).get("server")
        except (OSError, ValueError, AttributeError):
            continue  # ``holdfast check`` says what is wrong with it
        if isinstance(server, str) and server != "local" and server not in found:
            found.append(server)
    return found
