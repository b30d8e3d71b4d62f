"""`completion`."""

import os
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class
from msgspec import Struct

from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import HeroBuildError

_VARIABLE = "_HERO_BUILD_COMPLETE"


class CompletionScript(Struct, frozen=True):
    shell: str
    script: str


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, session: Session, shell: str) -> int:
    """Print a script that completes commands, options, apps and generations in your shell."""
    answer = CompletionScript(shell, _script(ctx, shell))

    def page(_paper: object) -> Iterator[str]:
        yield answer.script.rstrip("\n")

    return session.console.answer(answer, page)


def _script(ctx: click.Context, shell: str) -> str:
    kind = get_completion_class(shell) or ShellComplete
    # not kind.source(): bash's runs a bash to learn its version, and the script is the same for all
    return ShellComplete.source(kind(ctx.find_root().command, {}, "hero-build", _VARIABLE))


def apps(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """App names, and sets once an @ is typed."""
    from hero_build.catalog.loader import load
    from hero_build.settings import read

    try:
        catalog = load(read({"root": _root(ctx)}, dict(os.environ)).recipes)
    except HeroBuildError:
        return []
    names = (*catalog.names(), "@all", *(f"@{name}" for name in sorted(catalog.sets)))
    return [CompletionItem(name) for name in names if name.startswith(typed)]


def installed(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Names of apps that are installed."""
    from hero_build import manifest
    from hero_build.settings import read

    try:
        generation = manifest.load(read({"root": _root(ctx)}, dict(os.environ)).root)
    except HeroBuildError:
        return []
    names = sorted({part.app for part in generation.records})
    return [CompletionItem(name) for name in names if name.startswith(typed)]


def generations(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Numbers of generations that are kept."""
    from hero_build.install.layout import Root
    from hero_build.install.recover import numbers
    from hero_build.settings import read

    try:
        found = numbers(Root(read({"root": _root(ctx)}, dict(os.environ)).root))
    except HeroBuildError:
        return []
    return [CompletionItem(str(number)) for number in found if str(number).startswith(typed)]


def _root(ctx: click.Context) -> str | None:
    typed = ctx.params.get("root") or (ctx.parent.params.get("root") if ctx.parent else None)
    return str(typed) if typed else None
