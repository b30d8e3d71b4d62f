"""What all commands share: their base class, and the options that are taken before and after the command's name."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import click

from hero_build.cli.examples import epilog
from hero_build.cli.guard import guarded
from hero_build.cli.root_watch import RootWatch
from hero_build.cli.session import Session
from hero_build.output.console import Console, Style
from hero_build.settings import SUPERVISORS, read

_GLOBAL = "global"
_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_SERVICES = ("start", "stop", "restart")
Callback = Callable[..., int]


def options() -> list[click.Parameter]:
    """The global options, as new objects: click binds a parameter to one command."""
    return [
        click.Option(["--root"], metavar="DIR", help="Install into DIR (default ~/hero)."),
        click.Option(
            ["--forge"], metavar="URL", help="Get releases from https://HOST, or from a mirror at file:///DIR."
        ),
        click.Option(
            ["--supervisor"], type=click.Choice(SUPERVISORS), help="Run services through this one (default auto)."
        ),
        click.Option(["--json", "json"], is_flag=True, help="Print one JSON document on stdout."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print only errors."),
        click.Option(["-v", "--verbose"], count=True, help="Print more: each asset, each check."),
        click.Option(["-j", "--jobs"], metavar="N", help="Number of parallel downloads (default 16)."),
        click.Option(["--color", "colour"], type=click.Choice(["auto", "always", "never"]), help="Use colours."),
        click.Option(["--wait"], metavar="SECONDS", help="Wait this long for another hero-build (default 10)."),
    ]


class NamedPath(click.Path):
    """A path that names something: an empty one, as of a variable that is not set, would be the folder one is in."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            name = param.make_metavar(ctx) if isinstance(param, click.Argument) and ctx else _longest(param)
            raise click.UsageError(f"the value of {name} is empty", ctx)
        return super().convert(value, param, ctx)


def _longest(param: click.Parameter | None) -> str:
    """The name of an option as a person writes it out."""
    return max(param.opts, key=len) if param else "the path"


NAMES = frozenset(option.name or "" for option in options())


class SessionCommand(click.Command):
    """A command whose callback takes a Session and returns an exit code.

    needs_root: it looks at the root. changes_root: it makes generations. finishes_upgrade: before it changes something,
    it finishes or undoes an upgrade that was interrupted (None: if it makes generations, except in a dry run).
    """

    def __init__(
        self,
        name: str | None,
        *,
        needs_root: bool = True,
        changes_root: bool = False,
        finishes_upgrade: bool | None = None,
        **rest: Any,
    ) -> None:
        self.needs_root, self.changes_root = needs_root, changes_root
        self.finishes_upgrade = changes_root if finishes_upgrade is None else finishes_upgrade
        super().__init__(name, **{"context_settings": _HELP, "epilog": epilog(name or ""), **rest})
        self.params.extend(options())

    def invoke(self, ctx: click.Context) -> int:
        before = ctx.parent.meta.get(_GLOBAL, {}) if ctx.parent else {}
        own = {name: ctx.params.pop(name) for name in NAMES}
        merged = {name: _merged(before.get(name), own[name]) for name in NAMES}
        console = Console(ctx.info_name or "", style=_style(merged), out=sys.stdout, err=sys.stderr, environ=os.environ)
        traced = bool(merged["verbose"] or os.environ.get("HERO_BUILD_DEBUG"))
        watch = RootWatch(services=ctx.info_name in _SERVICES)
        return guarded(
            lambda: self._run(ctx, merged, console=console, watch=watch), console, watch=watch, traced=traced
        )

    def _run(self, ctx: click.Context, options: Mapping[str, Any], console: Console, watch: RootWatch) -> int:
        flags = {name: options[name] for name in ("root", "forge", "jobs", "wait", "supervisor")}
        settings = read(flags if self.needs_root else {**flags, "root": os.sep}, os.environ)
        if self.changes_root:
            watch.start(settings.root, options["root"])
        callback = cast("Callback", self.callback)
        try:
            with ctx.scope():
                session = Session(settings, console, options["root"])
                if self.finishes_upgrade and not ctx.params.get("dry_run"):
                    session.finish_interrupted_upgrade()
                return callback(session, **ctx.params)
        except click.exceptions.Exit as end:
            return end.exit_code

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(ctx.command, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options first, then the global ones."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                (common if param.name in NAMES or "--help" in param.opts else own).append(record)
        for title, records in (("Options", own), ("Global options", common)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def write_examples(of: click.Command, formatter: click.HelpFormatter) -> None:
    """The examples at the end of a help text, one a line, never wrapped."""
    if lines := (of.epilog or "").partition("\b\n")[2].splitlines():
        with formatter.section("Examples"):
            formatter.write("".join(f"{'':{formatter.current_indent}}{line}\n" for line in lines))


def command(
    name: str, *, needs_root: bool = True, changes_root: bool = False, finishes_upgrade: bool | None = None
) -> Callable[[Callback], click.Command]:
    """A decorator that makes a function a command; its docstring is the help text."""
    return click.command(
        name,
        cls=SessionCommand,
        needs_root=needs_root,
        changes_root=changes_root,
        finishes_upgrade=finishes_upgrade,
    )


def remember_globals(ctx: click.Context) -> Mapping[str, Any]:
    """Store the global options before a command's name, of this group and those around it; returns all of them."""
    before = ctx.meta.get(_GLOBAL, {})
    merged = {name: _merged(before.get(name), ctx.params[name]) for name in NAMES}
    ctx.meta[_GLOBAL] = merged
    return merged


def _style(options: Mapping[str, Any]) -> Style:
    return Style(
        options["json"],
        quiet=options["quiet"],
        verbose=options["verbose"],
        colour=options["colour"] or "auto",
        root=options["root"],
    )


def _merged(before: Any, own: Any) -> Any:
    """An option after the command overrides one before it; a flag counts in either place."""
    if isinstance(own, bool):
        return own or bool(before)
    if isinstance(own, int):
        return own + (before or 0)
    return own if own is not None else before
