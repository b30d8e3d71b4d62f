"""Completion of app names and sets, from the recipes' file names: no recipe is imported for a TAB."""

import os

import click
from click.shell_completion import CompletionItem

from hero_build.errors import HeroBuildError


def apps(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """App names, and sets once an @ is typed."""
    from hero_build.catalog import load
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
