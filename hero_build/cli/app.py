"""The `hero-build` command itself: a group whose commands are imported when they are called, and not before."""

import importlib
from typing import Any

import click

from hero_build import __version__
from hero_build.cli.base import options, remember_globals

_SECTIONS = {
    "Install": {
        "install": "Install or update apps, wholly or not at all.",
        "shell": "Install or update the desktop's shell.",
        "islands": "Install or update the desktop's islands.",
    },
    "Look": {
        "list": "Every app there is, with what is installed, and the sets.",
        "show": "What an app is, what is installed of it, and its newest release.",
        "status": "What is installed, whether it is intact, and what of it runs.",
        "explain": "Why an install would do what it does.",
    },
    "Run": {"restart": "Restart the services of apps, and see them well again."},
    "Check": {
        "verify": "Hold every installed byte against the manifest, and mend.",
        "doctor": "Whether this machine has what hero-build needs.",
        "audit": "Hold recipes against what their repos say of themselves.",
    },
    "Generations": {
        "history": "The states this root was in.",
        "diff": "What changed between two of them.",
        "rollback": "Return to one.",
        "uninstall": "Take apps away.",
        "gc": "Give the space of old ones back.",
    },
    "Publish": {
        "publish": "Build apps and publish them as releases.",
        "ci": "Jobs and workflows for Forgejo Actions.",
    },
    "Without a network": {
        "lock": "Pin what apps' releases have for this machine, in a file.",
        "mirror": "Copy apps' releases into a directory that serves as a forge.",
    },
    "Shell": {"completion": "Print a script that completes commands in your shell."},
}
_MODULES = {
    "install": "install",
    **dict.fromkeys(("shell", "islands"), "install"),
    **dict.fromkeys(("list", "show", "status", "explain"), "info"),
    "restart": "restart",
    **dict.fromkeys(("verify", "doctor", "audit"), "check"),
    **dict.fromkeys(("history", "diff", "rollback", "uninstall", "gc"), "generations"),
    "publish": "publish",
    "ci": "ci",
    **dict.fromkeys(("lock", "mirror"), "offline"),
    "completion": "completion",
}


class LazyGroup(click.Group):
    """Knows its commands by name and summary; a command's module is imported when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"hero_build.cli.{_MODULES[cmd_name]}")
        commands = (item for item in vars(module).values() if isinstance(item, click.Command))
        return next(item for item in commands if item.name == cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in _MODULES:
            raise _unknown(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _unknown(word: str, ctx: click.Context) -> click.UsageError:
    from hero_build.model.names import nearest

    close = nearest(word, _MODULES)
    guess = f", did you mean {' or '.join(close)}?" if close else ""
    return click.UsageError(f"there is no command {word!r}{guess}", ctx)


def summaries() -> dict[str, str]:
    """The commands in their order, each with its line of help."""
    return {name: text for commands in _SECTIONS.values() for name, text in commands.items()}


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    params=options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes, settings and the JSON documents are described in docs/.",
)
@click.version_option(__version__, prog_name="hero-build", message="%(prog)s %(version)s")
@click.pass_context
def hero_build(ctx: click.Context, /, **_: object) -> None:
    """hero-build puts the programs of Hero OS on a machine and keeps them right.

    Each app is wholly the old version or wholly the new one, what is on disk is what the manifest says, and every
    decision can be explained.
    """
    remember_globals(ctx)
    if ctx.invoked_subcommand is None and ctx.params["json"]:
        raise click.UsageError("no command is given", ctx)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
