"""`completion`, and the values that a shell completes for arguments of other commands."""

import os
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class
from msgspec import Struct
from msgspec.structs import replace

from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import HeroBuildError

_VARIABLE = "_HERO_BUILD_COMPLETE"


class CompletionScript(Struct, frozen=True):
    """`installed`: with --install, the files that completion is read from; `changed`: those that were written."""

    shell: str
    script: str
    installed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@command("completion", needs_root=False)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--install", is_flag=True, help="Set it up for this account instead of printing it.")
@click.pass_context
def completion(ctx: click.Context, session: Session, shell: str, *, install: bool) -> int:
    """Print a script that completes commands, options, apps and generations in your shell, or install it."""
    answer = CompletionScript(shell, _script(ctx, shell))
    if install:
        return _install(session, answer)

    def page(_terminal: object) -> Iterator[str]:
        yield answer.script.rstrip("\n")

    return session.console.answer(answer, page)


def _install(session: Session, printed: CompletionScript) -> int:
    from hero_build.ops.install_completion import install_completion
    from hero_build.output.pages.completion import installed_page

    files = install_completion(printed.shell, printed.script, os.environ)
    every = [path for path in (files.script, files.start_file) if path is not None]
    answer = replace(printed, installed=tuple(map(str, every)), changed=tuple(map(str, files.changed)))
    return session.console.answer(answer, lambda terminal: installed_page(printed.shell, files, terminal))


def _script(ctx: click.Context, shell: str) -> str:
    complete = get_completion_class(shell) or ShellComplete
    # not complete.source(): that of bash starts a bash to read its version, and the script does not depend on it
    return ShellComplete.source(complete(ctx.find_root().command, {}, "hero-build", _VARIABLE))


def apps(ctx: click.Context, _param: click.Parameter, prefix: str) -> list[CompletionItem]:
    """Names of apps, and of sets after an @."""
    from hero_build.catalog.loader import load
    from hero_build.settings import read

    try:
        catalog = load(read({"root": _root(ctx)}, dict(os.environ)).recipes)
    except HeroBuildError:
        return []
    names = (*catalog.names(), "@all", "@installed", *(f"@{name}" for name in sorted(catalog.sets)))
    return [CompletionItem(name) for name in names if name.startswith(prefix)]


def installed(ctx: click.Context, _param: click.Parameter, prefix: str) -> list[CompletionItem]:
    """Names of installed apps."""
    from hero_build import manifest
    from hero_build.settings import read

    try:
        generation = manifest.load(read({"root": _root(ctx)}, dict(os.environ)).root)
    except HeroBuildError:
        return []
    names = sorted({part.app for part in generation.records})
    return [CompletionItem(name) for name in names if name.startswith(prefix)]


def held(ctx: click.Context, _param: click.Parameter, prefix: str) -> list[CompletionItem]:
    """Names of held apps."""
    from hero_build.install.holds import held_apps
    from hero_build.install.layout import Root
    from hero_build.settings import read

    try:
        names = held_apps(Root(read({"root": _root(ctx)}, dict(os.environ)).root))
    except HeroBuildError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(prefix)]


def services(ctx: click.Context, _param: click.Parameter, prefix: str) -> list[CompletionItem]:
    """Names of installed apps; their services after a `/`, their instances after a `:`, sets after an `@`."""
    from hero_build import manifest
    from hero_build.install.layout import Root
    from hero_build.services.records import recorded_services
    from hero_build.settings import read

    try:
        root = read({"root": _root(ctx)}, dict(os.environ)).root
        generation = manifest.load(root)
    except HeroBuildError:
        return []
    if prefix.startswith("@"):
        return [item for item in apps(ctx, _param, prefix) if item.value.startswith("@")]
    names = {part.app for part in generation.records}
    if "/" in prefix:
        records = generation.records.items()
        names = {f"{part.app}/{item.name}" for part, record in records for item in record.entries if item.startable}
    elif ":" in prefix:
        names = {f"{item.app}:{item.instance}" for item in recorded_services(Root(root)) if item.instance}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(prefix)]


def generations(ctx: click.Context, _param: click.Parameter, prefix: str) -> list[CompletionItem]:
    """Numbers of the generations on disk."""
    from hero_build.install.layout import Root
    from hero_build.install.recover import generation_numbers
    from hero_build.settings import read

    try:
        kept = generation_numbers(Root(read({"root": _root(ctx)}, dict(os.environ)).root))
    except HeroBuildError:
        return []
    return [CompletionItem(str(number)) for number in kept if str(number).startswith(prefix)]


def _root(ctx: click.Context) -> str | None:
    root = ctx.params.get("root") or (ctx.parent.params.get("root") if ctx.parent else None)
    return str(root) if root else None
