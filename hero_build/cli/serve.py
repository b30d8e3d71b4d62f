"""`serve`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.server.cockpit.listener import HttpOptions, http_options
from hero_build.server.endpoint import path_of
from hero_build.server.unit import ServerUnit, server_unit
from hero_build.server.unit import install_unit as install_server_unit

_PROBE_INTERVAL = 10  # seconds


class Serving(Struct, frozen=True):
    """The server listens: its socket, and its process; or the unit that would run it, and no process.

    `url` opens the cockpit once; null: it has none.
    """

    socket: str
    pid: int | None
    unit: ServerUnit | None = None
    url: str | None = None


@command("serve")
@click.option("--http", metavar="HOST:PORT", help="Also serve the cockpit, a page for a browser, on this address.")
@click.option("--allow-remote", is_flag=True, help="With --http: listen on an address that other machines reach.")
@click.option("--public-url", metavar="URL", help="With --http: the address that a reverse proxy has for the cockpit.")
@click.option("--address", is_flag=True, help="Print a new one-time address of the cockpit that runs, and end.")
@click.option(
    "--probe-interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1, max=3600),
    default=_PROBE_INTERVAL,
    show_default=True,
    help="Check the health of services this often; after three failures one is restarted.",
)
@click.option("--print-unit", is_flag=True, help="Print a systemd unit that runs the server, and end.")
@click.option(
    "--install-unit", is_flag=True, help="Install, enable and start that unit: the system's for root, else the user's."
)
def serve(
    session: Session, *, probe_interval: float, address: bool, print_unit: bool, install_unit: bool, **page: Any
) -> int:
    """Answer service.* (JSON-RPC 2.0) on $HERO_SOCKET_DIR/hero_build/service.sock until SIGTERM or Ctrl-C."""
    if address + print_unit + install_unit > 1:
        raise UsageError("--address, --print-unit and --install-unit exclude each other", "Leave out all but one.")
    if address:
        return _print_address(session)
    http = http_options(**page)
    if print_unit or install_unit:
        return _unit(session, _words(probe_interval, **page), install=install_unit)
    return _serve(session, http, probe_interval)


def _words(probe_interval: float, http: str | None, public_url: str | None, *, allow_remote: bool) -> list[str]:
    """The options of `serve`, as they were typed."""
    interval = "" if probe_interval == _PROBE_INTERVAL else f"{probe_interval:.12g}"
    pairs = [("--probe-interval", interval), ("--http", http or ""), ("--public-url", public_url or "")]
    return [word for pair in pairs if pair[1] for word in pair] + ["--allow-remote"] * allow_remote


def _serve(session: Session, http: HttpOptions | None, probe_interval: float) -> int:
    from hero_build.server.run import serve as run

    def ready(path: Path, url: str | None) -> None:
        def page(_terminal: object) -> Iterator[str]:
            if url and "NOTIFY_SOCKET" in os.environ:  # stdout is the journal, which others may read
                yield "serves the cockpit; hero-build serve --address prints an address that opens it"
            elif url:
                yield url
                yield "opens the cockpit once; hero-build serve --address prints another address"
            yield f"listening on {path}"

        session.console.answer(Serving(str(path), os.getpid(), url=url), page)

    run(session.settings, ready, probe_interval=probe_interval, http=http)
    return 0


def _print_address(session: Session) -> int:
    from hero_build.server.cockpit.fresh_address import fresh_address

    answer = fresh_address(path_of(session.settings))
    return session.console.answer(answer, lambda _terminal: iter((answer.url,)))


def _unit(session: Session, options: Sequence[str], *, install: bool) -> int:
    unit = (install_server_unit if install else server_unit)(session.settings, options)

    def page(_terminal: object) -> Iterator[str]:
        if not install:
            yield from unit.text.splitlines()
            return
        yield f"{unit.path} is installed, enabled and running"
        if unit.manager == "user":
            yield "It ends with your session, unless you linger: loginctl enable-linger"

    return session.console.answer(Serving(str(path_of(session.settings)), None, unit), page)
