"""`fleet units`, `fleet cloud-init` and `fleet converge`: machines that come to their set by themselves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hero_build.cli.base import NamedPath, command, options, remember_globals, write_examples
from hero_build.cli.examples import epilog
from hero_build.cli.session import Session
from hero_build.fleet.machine import PROGRAM, USER

if TYPE_CHECKING:
    from hero_build.fleet.machine import FleetMachine
F = TypeVar("F", bound=Callable[..., int])


class FleetGroup(click.Group):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self, formatter)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            names = ", ".join(self.commands)
            raise click.UsageError(f"unknown command 'fleet {args[0]}', only {names}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    "fleet",
    cls=FleetGroup,
    invoke_without_command=True,
    params=options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog("fleet"),
)
@click.pass_context
def fleet(ctx: click.Context, /, **_: object) -> None:
    """Machines of a fleet: units, data for cloud-init, and the set that a machine keeps to."""
    typed = remember_globals(ctx)
    if ctx.invoked_subcommand is None and typed["json"]:
        raise click.UsageError("no command is given", ctx)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


_AT = click.option("--at", metavar="PLACE", required=True, help="The mirror with SET.lock and the files (URL, folder).")
_DIGEST = click.option("--digest", metavar="SHA256", help="Refuse a first lock file with another sha256.")
_TRUST = click.option("--trust", metavar="PUBKEY", help="Refuse a lock file that this minisign key has not signed.")


def _machine_options(function: F) -> F:
    decorators = (
        click.option("--set", "set_name", metavar="SET", required=True, help="The set, such as tester or admin."),
        _AT,
        _DIGEST,
        _TRUST,
        click.option("--user", default=USER, show_default=True, help="The user who owns the root and runs it all."),
        click.option(
            "--program", metavar="PATH", default=PROGRAM, show_default=True, help="hero-build on the machine."
        ),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


@command("units", needs_root=False)
@_machine_options
@click.option("--timer", metavar="INTERVAL", default="", help="Also check the set at this interval, such as 1h.")
@click.option("-o", "--output", "folder", metavar="DIR", type=NamedPath(), help="Write them into DIR.")
def units(session: Session, *, timer: str, folder: Path | None, **values: Any) -> int:
    """Print the systemd units of a machine, or write them into a folder. --root is the root on that machine."""
    from hero_build.fleet import units as fleet_units

    answer = fleet_units.UnitsReport(fleet_units.units(_machine(session, **values), timer=timer))
    if folder:
        answer = fleet_units.write(answer, folder)

    def page(_terminal: object) -> Iterator[str]:
        for unit in answer.units:
            yield f"{folder / unit.name}" if folder else f"# {unit.name}\n{unit.text}"

    return session.console.answer(answer, page)


@command("cloud-init", needs_root=False)
@_machine_options
@click.option(
    "--tool", metavar="URL", help="Fetch hero-build, a file such as a pack, from here (else the image has it)."
)
@click.option("--tool-digest", metavar="SHA256", help="Refuse a hero-build with another sha256.")
def cloud_init(session: Session, *, tool: str | None, tool_digest: str | None, **values: Any) -> int:
    """Print user-data for cloud-init: a new machine comes to its set by itself. It holds no secret."""
    from hero_build.fleet import cloud_init as fleet_cloud_init

    answer = fleet_cloud_init.user_data(_machine(session, **values), fleet_cloud_init.tool(tool, tool_digest))
    return session.console.answer(answer, lambda _terminal: answer.text.splitlines())


@command("converge", changes_root=True)
@click.argument("set_name", metavar="SET")
@_AT
@_DIGEST
@_TRUST
def converge(session: Session, set_name: str, at: str, *, digest: str | None, trust: str | None) -> int:
    """Install exactly what this machine's lock file pins. The first one, PLACE/SET.lock, becomes cfg/set.lock."""
    from hero_build.cli.install_options import InstallOptions
    from hero_build.cli.locked import locked_apps, locked_set
    from hero_build.cli.run_install import run_install, shortened
    from hero_build.fleet.converge import LOCK, FirstLock, machine_lock
    from hero_build.fleet.machine import check_set

    first = FirstLock(set_name.removeprefix("@"), at=at, digest=digest, trust=trust)
    check_set(first.set)
    lock = machine_lock(first, session.settings, session.console.report)
    context = session.context(lock.forge, use="change")
    chosen = InstallOptions(
        "download",
        version=None,
        ref=None,
        update=False,
        reset=False,
        checksum="required",
        locked=session.settings.root / LOCK,
        exact=True,
    )
    names = session.without_held(locked_apps(lock, context.catalog), named=())
    return run_install(
        session,
        requests=chosen.requests(names, {}, lock),
        context=context,
        action=f"converge {shortened(lock.apps)}",
        restart=False,
        dry_run=False,
        lock=locked_set(session, lock, names=names, options=chosen),
    )


def _machine(session: Session, set_name: str, user: str, **values: Any) -> "FleetMachine":
    """Raises UsageError, AppNotFound."""
    from hero_build.fleet.machine import FleetMachine, fleet_machine

    name = set_name.removeprefix("@")
    session.catalog().expand((f"@{name}",))
    root = Path(session.root_flag or f"/home/{user}/hero")
    return fleet_machine(FleetMachine(set=name, root=root, user=user, **values))


fleet.add_command(units)
fleet.add_command(cloud_init)
fleet.add_command(converge)
