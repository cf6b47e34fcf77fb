"""The command itself: which verbs there are, and how wrong arguments are told.

``holdfast --help`` imports no verb: the help text of each stands here beside its module.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import click

from holdfast.cli.invocation import Connect, Invocation, open_server
from holdfast.cli.verb import common_options
from holdfast.errors import HoldfastError
from holdfast.records import record


@record
class Entry:
    """A verb: its module's name under ``holdfast.cli``, the heading it stands under, its help."""

    module: str
    heading: str
    help: str


_START, _DEPLOY, _LOOK, _ACT = "Start", "Deploy", "Look", "Act"

VERBS = {
    "new": Entry("new", _START, "Make a small app that deploys as it is."),
    "init": Entry("init", _START, "Show what this project is; write holdfast.toml on request."),
    "check": Entry("check", _START, "Find what would make a deploy fail, most important first."),
    "dev": Entry("dev", _START, "Start the Compose project here, with values of development."),
    "plan": Entry("plan", _DEPLOY, "Show what a deploy would do, and why."),
    "deploy": Entry("deploy", _DEPLOY, "Put this project on the server without losing a request."),
    "rollback": Entry("rollback", _DEPLOY, "Deploy an earlier release again."),
    "releases": Entry("releases", _DEPLOY, "List the releases that are kept."),
    "status": Entry("status", _LOOK, "Show the app: release, gate, processes, last deploy."),
    "apps": Entry("apps", _LOOK, "List the apps on the server: release, state, domains."),
    "logs": Entry("logs", _LOOK, "Show what the processes print."),
    "edge": Entry("edge", _LOOK, "Show the web server in front of the apps."),
    "server": Entry("server", _ACT, "Set up, check, list and reboot servers; keys for CI."),
    "cert": Entry("cert", _LOOK, "List and renew the certificates of the apps."),
    "run": Entry("run", _ACT, "Run a command in the environment of the release."),
    "ssh": Entry("ssh", _ACT, "Open a shell on the server."),
    "env": Entry("env", _ACT, "Set, unset, list and import the app's variables."),
    "open": Entry("open", _ACT, "Let requests through again."),
    "hold": Entry("hold", _ACT, "Let requests wait in line."),
    "maintenance": Entry("maintenance", _ACT, "Answer with the maintenance page."),
    "destroy": Entry("destroy", _ACT, "Remove the app from the server."),
    "completion": Entry("completion", _START, "Print the completion script of a shell."),
}


class Root(click.Group):
    """A group whose verbs are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"holdfast.cli.{VERBS[cmd_name].module}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading in (_START, _DEPLOY, _LOOK, _ACT):
            rows = [(name, entry.help) for name, entry in VERBS.items() if entry.heading == heading]
            with formatter.section(heading):
                formatter.write_dl(rows, col_spacing=4)


def _version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from holdfast import __version__

        invocation = ctx.ensure_object(Invocation)
        invocation.answer({"version": __version__}, [f"holdfast {__version__}"])
        ctx.exit()


@click.pass_context
def _help_if_alone(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


HELP = """Deploy Python web apps to one server. While the app restarts, requests wait; none is lost.

\b
  holdfast deploy --server local      this folder, on this machine
  holdfast deploy                     what holdfast.toml says
"""

command = Root(
    name="holdfast",
    help=HELP,
    epilog="holdfast COMMAND --help says more and shows examples.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    callback=_help_if_alone,
    params=[
        *common_options(),
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            callback=_version,
            help="Show the version and exit.",
        ),
    ],
)


def run(arguments: list[str], connect: Connect | None = None) -> int:
    """Run the verb that ``arguments`` name.

    Returns:
        the exit code.

    Raises:
        HoldfastError: also for wrong arguments (UsageError).
    """
    if os.environ.get("_HOLDFAST_COMPLETE"):
        command.main(prog_name="holdfast")
    invocation = Invocation(
        json=False, directory=Path(), open=open_server if connect is None else connect
    )
    try:
        with command.make_context("holdfast", list(arguments), obj=invocation) as context:
            return _code(command.invoke(context))
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        from holdfast.cli.wrong import explain

        raise explain(error) from None
    except HoldfastError as error:
        error.message = invocation.complete(error.message)
        error.hint = error.hint and invocation.complete(error.hint)
        raise


def _code(result: object) -> int:
    """A verb returns its exit code, or nothing for 0."""
    return result if isinstance(result, int) else 0
