"""The frame of every command: options that hold for all of them, before and after the command's name."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import click

from hero_build.cli.main import guarded
from hero_build.cli.session import Session
from hero_build.output.console import Console, Style
from hero_build.settings import read

_GLOBAL = "global"
_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
Work = Callable[..., int]


def options() -> list[click.Parameter]:
    """Fresh ones: click binds a parameter to its command."""
    return [
        click.Option(["--root"], metavar="DIR", help="Where apps are installed (default ~/hero)."),
        click.Option(["--forge"], metavar="URL", help="Where releases are: https://HOST, or file:///DIR for a mirror."),
        click.Option(["--json", "json"], is_flag=True, help="One JSON document on stdout, and nothing else there."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Only errors."),
        click.Option(["-v", "--verbose"], count=True, help="More: each asset, each check."),
        click.Option(["-j", "--jobs"], metavar="N", help="Downloads side by side (default 16)."),
        click.Option(["--color", "colour"], type=click.Choice(["auto", "always", "never"]), help="Colours."),
        click.Option(["--wait"], metavar="SECONDS", help="How long to wait for another hero-build (default 10)."),
    ]


NAMES = frozenset(option.name or "" for option in options())


class SessionCommand(click.Command):
    """A command whose callback takes a Session first and gives an exit code back."""

    def __init__(self, name: str | None, **rest: Any) -> None:
        super().__init__(name, **{"context_settings": _HELP, **rest})
        self.params.extend(options())

    def invoke(self, ctx: click.Context) -> int:
        before = ctx.parent.meta.get(_GLOBAL, {}) if ctx.parent else {}
        own = {name: ctx.params.pop(name) for name in NAMES}
        typed = {name: _merged(before.get(name), own[name]) for name in NAMES}
        screen = Console(ctx.info_name or "", style=_style(typed), out=sys.stdout, err=sys.stderr, environ=os.environ)
        traced = bool(typed["verbose"] or os.environ.get("HERO_BUILD_DEBUG"))
        return guarded(lambda: self._run(ctx, typed, screen), screen, traced=traced)

    def _run(self, ctx: click.Context, typed: Mapping[str, Any], screen: Console) -> int:
        settings = read({name: typed[name] for name in ("root", "forge", "jobs", "wait")}, os.environ)
        work = cast("Work", self.callback)
        with ctx.scope():
            return work(Session(settings, screen, typed["root"]), **ctx.params)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options first, then those that all have."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is not None:
                (common if param.name in NAMES or param.name == "help" else own).append(record)
        for title, records in (("Options", own), ("Options of every command", common)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def command(name: str) -> Callable[[Work], click.Command]:
    """Make a function a command; its docstring is the help."""
    return click.command(name, cls=SessionCommand)


def remember_globals(ctx: click.Context) -> Mapping[str, Any]:
    """In a group: remember what was typed before the command's name, in this group or in one around it; all of that."""
    before = ctx.meta.get(_GLOBAL, {})
    typed = {name: _merged(before.get(name), ctx.params[name]) for name in NAMES}
    ctx.meta[_GLOBAL] = typed
    return typed


def _style(typed: Mapping[str, Any]) -> Style:
    return Style(typed["json"], quiet=typed["quiet"], verbose=typed["verbose"], colour=typed["colour"] or "auto")


def _merged(before: Any, own: Any) -> Any:
    """What was typed after the command counts; flags count wherever they are."""
    if isinstance(own, bool):
        return own or bool(before)
    if isinstance(own, int):
        return own + (before or 0)
    return own if own is not None else before
