"""``holdfast completion``."""

from __future__ import annotations

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.verb import given, verb


@verb(
    "completion",
    "holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast",
    'holdfast completion zsh > "${fpath[1]}/_holdfast"',
    "holdfast completion fish > ~/.config/fish/completions/holdfast.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@given
def command(invocation: Invocation, shell: str) -> None:
    """Print the script that completes commands and options in SHELL."""
    from click.shell_completion import get_completion_class

    from holdfast.cli.root import command as root

    kind = get_completion_class(shell)
    assert kind is not None, shell
    script = kind(root, {}, "holdfast", "_HOLDFAST_COMPLETE").source()
    invocation.answer({"shell": shell, "script": script}, [script.rstrip()])
