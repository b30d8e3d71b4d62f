"""`serve`."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct

from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.server.endpoint import path_of
from hero_build.server.unit import ServerUnit, server_unit
from hero_build.server.unit import install_unit as install_server_unit


class Serving(Struct, frozen=True):
    """The server listens: its socket, and its process; or the unit that would run it, and no process."""

    socket: str
    pid: int | None
    unit: ServerUnit | None = None


@command("serve")
@click.option(
    "--probe-interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1, max=3600),
    default=10,
    show_default=True,
    help="Check the health of services this often; after three failures one is restarted.",
)
@click.option("--print-unit", is_flag=True, help="Print a systemd unit that runs the server, and end.")
@click.option(
    "--install-unit", is_flag=True, help="Install, enable and start that unit: the system's for root, else the user's."
)
def serve(session: Session, *, probe_interval: float, print_unit: bool, install_unit: bool) -> int:
    """Answer service.* (JSON-RPC 2.0) on $HERO_SOCKET_DIR/hero_build/service.sock until SIGTERM or Ctrl-C."""
    if print_unit and install_unit:
        raise UsageError("--print-unit and --install-unit exclude each other", "Leave out one of them.")
    if print_unit or install_unit:
        return _unit(session, install=install_unit)
    from hero_build.server.run import serve as run

    def ready(path: Path) -> None:
        answer = Serving(str(path), os.getpid())

        def page(_terminal: object) -> Iterator[str]:
            yield f"listening on {path}"

        session.console.answer(answer, page)

    run(session.settings, ready, probe_interval=probe_interval)
    return 0


def _unit(session: Session, *, install: bool) -> int:
    unit = install_server_unit(session.settings) if install else server_unit(session.settings)

    def page(_terminal: object) -> Iterator[str]:
        if not install:
            yield from unit.text.splitlines()
            return
        yield f"{unit.path} is installed, enabled and running"
        if unit.manager == "user":
            yield "It ends with your session, unless you linger: loginctl enable-linger"

    return session.console.answer(Serving(str(path_of(session.settings)), None, unit), page)
