"""`start` and `stop`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.model.artifacts import DESKTOP_APP

if TYPE_CHECKING:
    from hero_build.ops.services import ServiceOutcomes

_NAMES = "APP[:INSTANCE][/BINARY]..."
_NO_NAME = "`hero-build status` shows what is installed and what runs; @SET names a set."


@command("start")
@click.argument("names", nargs=-1, metavar=_NAMES, shell_complete=completion.services)
@click.option("--reset", is_flag=True, help="Also start what is flapping (it ended too often in a short time).")
def start(session: Session, names: Sequence[str], *, reset: bool) -> int:
    """Start the services of apps in order, and wait until each is healthy. What runs and is healthy is left alone."""
    from hero_build.ops import services

    result = services.start_services(_named(names), session.context(), reset=reset)
    warn_of_missing_bundles(session, result)
    return _answer(session, result)


@command("stop")
@click.argument("names", nargs=-1, metavar=_NAMES, shell_complete=completion.services)
def stop(session: Session, names: Sequence[str]) -> int:
    """Stop the services of apps, in the reverse of the start order."""
    from hero_build.ops import services

    return _answer(session, services.stop_services(_named(names), session.context()))


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
