"""`completion`."""

from collections.abc import Iterator
from dataclasses import dataclass

import click
from click.shell_completion import ShellComplete, get_completion_class

from hero_build.cli.frame import command
from hero_build.cli.session import Session

_VARIABLE = "_HERO_BUILD_COMPLETE"


@dataclass(frozen=True, slots=True)
class Script:
    shell: str
    script: str


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, session: Session, shell: str) -> int:
    """Print a script that completes commands, options, apps and generations in your shell."""
    answer = Script(shell, _script(ctx, shell))

    def page(_paper: object) -> Iterator[str]:
        yield answer.script.rstrip("\n")

    return session.screen.answer(answer, page)


def _script(ctx: click.Context, shell: str) -> str:
    kind = get_completion_class(shell) or ShellComplete
    # not kind.source(): bash's runs a bash to learn its version, and the script is the same for all
    return ShellComplete.source(kind(ctx.find_root().command, {}, "hero-build", _VARIABLE))
