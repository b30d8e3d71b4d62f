"""`supervisor current` and `supervisor use`."""

from typing import Any

import click
from msgspec.structs import replace

from hero_build.cli.base import command, options, remember_globals, write_examples
from hero_build.cli.examples import epilog
from hero_build.cli.session import Session
from hero_build.settings import SUPERVISORS

_NAMES = [name for name in SUPERVISORS if name != "auto"]


class SupervisorGroup(click.Group):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self, formatter)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            words = f"unknown command 'supervisor {args[0]}', only {' and '.join(self.commands)}"
            raise click.UsageError(words, ctx)
        return super().resolve_command(ctx, args)


@click.group(
    "supervisor",
    cls=SupervisorGroup,
    invoke_without_command=True,
    params=options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog("supervisor"),
)
@click.pass_context
def supervisor(ctx: click.Context, /, **_: object) -> None:
    """Show or change which supervisor runs the services of this root."""
    typed = remember_globals(ctx)
    if ctx.invoked_subcommand is None and typed["json"]:
        raise click.UsageError("no command is given", ctx)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command("current")
def current(session: Session) -> int:
    """Show which supervisor runs the services of this root, and why."""
    from hero_build.queries.supervisor_report import supervisor_report

    answer = supervisor_report(session.settings)
    return session.console.answer(answer, lambda terminal: (f"{answer.supervisor}: {answer.why}",))


@command("use", finishes_upgrade=True)
@click.argument("name", type=click.Choice(_NAMES))
def use(session: Session, name: str) -> int:
    """Move the services of this root to another supervisor: those that run are stopped, and started there."""
    from hero_build.ops.use_supervisor import use_supervisor
    from hero_build.output.pages.services import page
    from hero_build.queries.service_report import service_report
    from hero_build.services.journaled import journaled

    unnamed = replace(session, settings=replace(session.settings, supervisor="auto"))
    with journaled(session.root, "supervisor use", supervisor=name) as operations:
        run = unnamed.service_run(operations.watch(session.console.report))
        answer = service_report(use_supervisor(name, session.settings, run))
        operations.end(failed=answer.failed)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )


supervisor.add_command(current)
supervisor.add_command(use)
