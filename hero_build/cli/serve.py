"""`serve`."""

from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct

from hero_build.cli.base import command
from hero_build.cli.session import Session


class Serving(Struct, frozen=True):
    """The server listens: its socket, and its process."""

    socket: str
    pid: int


@command("serve")
@click.option(
    "--probe-interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1, max=3600),
    default=10,
    show_default=True,
    help="Check the health of services this often; after three failures one is restarted.",
)
def serve(session: Session, *, probe_interval: float) -> int:
    """Answer service.* (JSON-RPC 2.0) on $HERO_SOCKET_DIR/hero_build/service.sock until SIGTERM or Ctrl-C."""
    import os

    from hero_build.server.run import serve as run

    def ready(path: Path) -> None:
        answer = Serving(str(path), os.getpid())

        def page(_terminal: object) -> Iterator[str]:
            yield f"listening on {path}"

        session.console.answer(answer, page)

    run(session.settings, ready, probe_interval=probe_interval)
    return 0
