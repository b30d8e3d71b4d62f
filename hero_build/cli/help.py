"""`help`."""

from collections.abc import Sequence

import click
from msgspec import Struct

from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.cli.suggestions import unknown_command
from hero_build.errors import UsageError


class HelpText(Struct, frozen=True):
    """`topic`: the command's words, empty for hero-build itself."""

    topic: str
    text: str


@command("help", needs_root=False)
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def help_(ctx: click.Context, session: Session, words: Sequence[str]) -> int:
    """Print the help text of a command, as COMMAND --help does."""
    context = ctx.find_root()
    for position, word in enumerate(words):
        context = _below(context, word, words[:position])
    answer = HelpText(" ".join(words), context.get_help())
    return session.console.answer(answer, lambda _terminal: answer.text.splitlines())


def _below(context: click.Context, word: str, before: Sequence[str]) -> click.Context:
    """The context of a command of the group in `context`. Raises UsageError."""
    group = context.command
    found = group.get_command(context, word) if isinstance(group, click.Group) else None
    if found is None:
        known = group.list_commands(context) if isinstance(group, click.Group) else ()
        sentence, hint = unknown_command(" ".join((*before, word)), (), known)
        raise UsageError(sentence, hint)
    return click.Context(found, parent=context, info_name=word, **found.context_settings)
