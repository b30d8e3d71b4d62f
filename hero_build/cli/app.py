"""The `hero-build` command: a group that imports the module of a command only when the command is called."""

import importlib
from typing import Any

import click

from hero_build import __version__
from hero_build.cli.base import options, remember_globals

_SECTIONS = {
    "Install": {
        "install": "Install or update apps; each app switches as a whole.",
        "build": "Download or build apps and verify them, without installing.",
        "shell": "Install or update the desktop shell.",
        "islands": "Install or update the desktop islands.",
        "upgrade": "Upgrade installed apps to their newest versions.",
        "hold": "Keep apps at their installed version.",
        "unhold": "Release apps that are held.",
    },
    "Inspect": {
        "list": "List all apps, their installed versions, and the sets.",
        "search": "Search for apps by words.",
        "outdated": "Show installed apps with a newer release.",
        "show": "Show an app's recipe, installed version and newest release.",
        "status": "Show what is installed, whether it is intact, and what runs.",
        "explain": "Explain what an install would do, and why.",
    },
    "Run": {
        "start": "Start the services of apps, and wait until they are healthy.",
        "stop": "Stop the services of apps.",
        "restart": "Restart the services of apps and check that they are healthy.",
        "health": "Check the health of services now.",
        "logs": "Print what services wrote.",
        "inspect": "Show how the services of an app are defined and what they do.",
        "troubleshoot": "Show why a service is not well, and the next command.",
        "delete": "Stop the services of apps and forget them; optionally uninstall.",
        "supervisor": "Show or change which supervisor runs the services.",
        "serve": "Answer service.* over a Unix socket until SIGTERM.",
    },
    "Check": {
        "verify": "Check installed files against the manifest; optionally repair.",
        "doctor": "Check that this machine has what hero-build needs.",
        "audit": "Compare recipes with their repositories and releases.",
    },
    "Generations": {
        "history": "List the generations of this root.",
        "diff": "Show what changed between two generations.",
        "rollback": "Restore an earlier generation.",
        "uninstall": "Uninstall apps.",
        "gc": "Delete old generations and stale downloads.",
    },
    "Publish": {
        "publish": "Build apps and publish them as releases.",
        "ci": "Generate job matrices and workflows for Forgejo Actions.",
    },
    "Offline": {
        "lock": "Write a lock file of apps' newest releases for this machine.",
        "mirror": "Copy apps' releases into a directory that serves as a forge.",
        "pack": "Write one file that installs apps without a network.",
    },
    "Fleet": {
        "fleet": "Print units and cloud-init data for machines that keep to a pinned set.",
    },
    "Shell": {
        "completion": "Print or install completion for your shell.",
        "help": "Print the help text of a command.",
    },
}
_MODULES = {
    "install": "install",
    "build": "build",
    **dict.fromkeys(("shell", "islands"), "bundles"),
    **dict.fromkeys(("upgrade", "hold", "unhold"), "upgrade"),
    **dict.fromkeys(("list", "search", "outdated", "show", "status", "explain"), "info"),
    **dict.fromkeys(("start", "stop"), "services"),
    "restart": "restart",
    **dict.fromkeys(("health", "logs", "inspect", "troubleshoot"), "services"),
    "delete": "delete",
    "supervisor": "supervisor",
    "serve": "serve",
    **dict.fromkeys(("verify", "doctor", "audit"), "check"),
    **dict.fromkeys(("history", "diff", "rollback", "uninstall", "gc"), "generations"),
    "publish": "publish",
    "ci": "ci",
    **dict.fromkeys(("lock", "mirror", "pack"), "offline"),
    "fleet": "fleet",
    "completion": "completion",
    "help": "help",
}


class LazyGroup(click.Group):
    """Lists its commands from a table; imports the module of a command when the command is called."""

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
            raise _unknown_command(args, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _unknown_command(args: list[str], ctx: click.Context) -> click.UsageError:
    from hero_build.cli.sentences import UnknownCommand
    from hero_build.cli.suggestions import unknown_command

    sentence, hint = unknown_command(args[0], args[1:], _MODULES, parses=lambda line: _parses(list(line), ctx))
    return UnknownCommand(sentence, hint, ctx)


def _parses(line: list[str], ctx: click.Context) -> bool:
    """Whether a command takes these words; nothing is run. Help and version would be printed at once."""
    if {"-h", "--help", "-V", "--version"}.intersection(line):
        return True
    command = hero_build.get_command(ctx, line[0])
    try:
        return command is not None and bool(command.make_context(line[0], line[1:], parent=ctx))
    except click.UsageError:
        return False


def summaries() -> dict[str, str]:
    """The one-line help of each command, in the order of `--help`."""
    return {name: text for commands in _SECTIONS.values() for name, text in commands.items()}


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    params=options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`hero-build help COMMAND` shows a command with examples; docs/ has exit codes, settings and documents.",
)
@click.version_option(__version__, "-V", "--version", prog_name="hero-build", message="%(prog)s %(version)s")
@click.pass_context
def hero_build(ctx: click.Context, /, **_: object) -> None:
    """Install, update, build and publish the programs of Hero OS.

    An app is always completely its old version or completely its new one, the manifest lists every installed file,
    and `explain` gives the reason for each decision.
    """
    remember_globals(ctx)
    if ctx.invoked_subcommand is None and ctx.params["json"]:
        raise click.UsageError("no command given", ctx)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
