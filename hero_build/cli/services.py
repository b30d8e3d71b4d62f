"""`start`, `stop`, `health`, `logs`, `inspect` and `troubleshoot`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.model.artifacts import DESKTOP_APP
from hero_build.model.failure import failures

if TYPE_CHECKING:
    from hero_build.ops.services import ServiceOutcomes

_NAME = "APP[:INSTANCE][/BINARY]"
_NAMES = f"{_NAME}..."
_LINES = 50
_NO_NAME = "`hero-build status` shows what is installed and what runs; @SET names a set."


@command("start", finishes_upgrade=True)
@click.argument("names", nargs=-1, metavar=_NAMES, shell_complete=completion.services)
@click.option("--reset", is_flag=True, help="Also start what is flapping (it ended too often in a short time).")
def start(session: Session, names: Sequence[str], *, reset: bool) -> int:
    """Start the services of apps in order, and wait until each is healthy. What runs and is healthy is left alone."""
    from hero_build.ops import services

    run = session.service_run()
    with session.journaled("service.start", _named(names), run, reset=reset) as (operations, watched):
        result = services.start_services(names, watched, reset=reset)
        operations.end(failed=failures(result.failed))
    warn_of_missing_bundles(session, result)
    return _answer(session, result)


@command("stop", finishes_upgrade=True)
@click.argument("names", nargs=-1, metavar=_NAMES, shell_complete=completion.services)
def stop(session: Session, names: Sequence[str]) -> int:
    """Stop the services of apps, in the reverse of the start order."""
    from hero_build.ops import services

    run = session.service_run()
    with session.journaled("service.stop", _named(names), run) as (operations, watched):
        result = services.stop_services(names, watched)
        operations.end(failed=failures(result.failed))
    return _answer(session, result)


@command("health")
@click.argument("names", nargs=-1, metavar="[APP[:INSTANCE][/BINARY]]...", shell_complete=completion.services)
def health(session: Session, names: Sequence[str]) -> int:
    """Check the health of services now: of those named, or of all that should run. Changes nothing."""
    from hero_build.output.pages.service_health import page
    from hero_build.queries.service_health import health as query

    answer = query(names, session.service_run())
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )


@command("logs")
@click.argument("names", nargs=-1, metavar=_NAMES, shell_complete=completion.services)
@click.option("-n", "--lines", type=click.IntRange(1, 100_000), help="Number of lines (default 50; of a build all).")
@click.option("-f", "--follow", is_flag=True, help="Print each line as it is written, until interrupted.")
@click.option("--build", is_flag=True, help="Print what the last build of the app wrote.")
def logs(session: Session, names: Sequence[str], *, lines: int | None, follow: bool, build: bool) -> int:
    """Print the last lines that the services of an app wrote, or the log of its last build."""
    from hero_build.output.pages.service_logs import followed, page
    from hero_build.queries import service_logs as query

    if build:
        return _build_log(session, _named(names), lines, follow=follow)
    run, lines = session.service_run(), lines or _LINES
    if follow:
        if session.console.json:
            raise UsageError("-f prints lines, not a document", "Leave out --json, or -f.")
        logs = query.follow(_named(names), lines, run)
        for line in logs.lines:
            session.console.line(followed(line, logs.services))
        return 0
    answer = query.logs(_named(names), lines, run)
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


def _build_log(session: Session, names: Sequence[str], lines: int | None, *, follow: bool) -> int:
    from hero_build.output.pages.service_logs import page
    from hero_build.queries.build_log import build_log

    if follow:
        raise UsageError("--build prints a log that has ended", "Leave out -f.")
    if len(names) > 1:
        raise UsageError("--build prints the log of one app", f"Name one: `hero-build logs {names[0]} --build`.")
    answer = build_log(names[0], lines, cache=session.settings.cache, catalog=session.catalog())
    code = session.console.answer(answer, lambda terminal: page(answer, terminal))
    session.console.note(lambda terminal: (terminal.ink(f"from {answer.logs[0].file}", "dim"),))
    return code


@command("inspect")
@click.argument("names", nargs=-1, metavar=_NAMES, shell_complete=completion.services)
def inspect(session: Session, names: Sequence[str]) -> int:
    """Show how the services of apps are defined and what they do. Changes nothing."""
    from hero_build.output.pages.service_inspect import page
    from hero_build.queries.inspect import inspect as query

    answer = query(_named(names), session.service_run())
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("troubleshoot")
@click.argument("names", nargs=-1, metavar=_NAMES, shell_complete=completion.services)
def troubleshoot(session: Session, names: Sequence[str]) -> int:
    """Show why services do not run or are not healthy, and the next command. Changes nothing."""
    from hero_build.output.pages.troubleshoot import page
    from hero_build.queries.troubleshoot import troubleshoot as query

    answer = query(_named(names), session.service_run())
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


def warn_of_missing_bundles(session: Session, result: "ServiceOutcomes") -> None:
    """The desktop's services run without its bundles, and say so once."""
    if DESKTOP_APP in result.apps:
        from hero_build.queries.bundle_warnings import missing_bundles

        for warning in missing_bundles(session.root, session.generation()):
            session.console.report(warning)


def _named(names: Sequence[str]) -> Sequence[str]:
    if not names:
        raise UsageError("no app is named", _NO_NAME)
    return names


def _answer(session: Session, result: "ServiceOutcomes") -> int:
    from hero_build.output.pages.services import page
    from hero_build.queries.service_report import service_report

    answer = service_report(result)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )
