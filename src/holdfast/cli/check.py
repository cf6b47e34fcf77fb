"""``holdfast check``."""

from __future__ import annotations

from dataclasses import asdict

import click

from holdfast.cli.checks import find_problems
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, domain_option, server_options
from holdfast.cli.problem import Problem
from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.verb import given, verb


@verb("check", "holdfast check", "holdfast check --env staging", "holdfast check --offline --json")
@domain_option
@click.option(
    "--env-file",
    "env_files",
    metavar="FILE",
    multiple=True,
    help="A file of variables that deploy will be given, too; repeatable.",
)
@click.option(
    "--offline", is_flag=True, help="Ask no server: for CI and pre-commit, which have no key to it."
)
@server_options
@given
def command(
    invocation: Invocation,
    where: Where,
    domains: tuple[str, ...],
    env_files: tuple[str, ...],
    offline: bool,
) -> int:
    """Find what would make a deploy fail, most important first, each with the way out.

    Looks at the config, the project, the variables and the source; runs nothing of the
    app. The exit code is 1 when something would fail, 0 when there are warnings alone.
    """
    problems = find_problems(invocation, where, domains, env_files, offline=offline)
    fatal = sum(problem.fatal for problem in problems)
    result = {"ok": fatal == 0, "problems": [asdict(problem) for problem in problems]}
    invocation.answer(result, _lines(problems, fatal))
    return 1 if fatal else 0


def _lines(problems: list[Problem], fatal: int) -> list[str]:
    paint = Paint()
    lines = []
    for problem in problems:
        label = paint("error:", "red", "bold") if problem.fatal else paint("warning:", "yellow")
        lines.append(f"{label} {problem.message}")
        lines += [f"  {line}" for line in (problem.hint or "").splitlines()]
    if fatal:
        verb_ = "makes" if fatal == 1 else "make"
        return [*lines, "", f"{words.count(fatal, 'problem')} {verb_} a deploy fail"]
    if problems:
        return [*lines, "", f"nothing makes a deploy fail; {words.count(len(problems), 'warning')}"]
    return [paint("nothing makes a deploy fail", "green")]
