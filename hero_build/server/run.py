"""Serving until a signal: uvicorn over the server's own socket."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from hero_build.install.layout import Root
from hero_build.server import endpoint
from hero_build.server.app import create_app
from hero_build.server.call import Call
from hero_build.server.cockpit.access import CockpitAccess
from hero_build.server.cockpit.app import Cockpit
from hero_build.server.cockpit.listener import HttpOptions, listening_on
from hero_build.server.dispatch import Dispatcher
from hero_build.server.http_protocol import DeadlineProtocol
from hero_build.server.liveness import Liveness
from hero_build.server.observer import Observer
from hero_build.server.operations import Operations
from hero_build.server.resumption import resume_interrupted
from hero_build.server.retry import can_retry
from hero_build.settings import Settings
from hero_build.system.thread_pool import ThreadPool

_THREADS = 16
_KEEP_ALIVE = 75  # seconds that a connection may be idle
_MOST_CONNECTIONS = 900  # below the usual limit of open files; more get a 503
_GRACE = 5  # seconds for answers that are being written


Ready = Callable[[Path, str | None], None]
"""Called once the server listens, with its socket and the one-time address of its page."""


def serve(settings: Settings, ready: Ready, *, probe_interval: float, http: HttpOptions | None = None) -> None:
    """Answer until SIGTERM or SIGINT. `http`: also serve the cockpit. Raises LockHeld, MachineError."""
    path = endpoint.path_of(settings)
    with endpoint.listening(path) as listener, _page_of(settings, http) as (sockets, cockpit):

        def announce() -> None:
            ready(path, cockpit.new_address() if cockpit else None)

        work = _serve(settings, [listener, *sockets], ready=announce, probe_interval=probe_interval, cockpit=cockpit)
        asyncio.run(work)


@contextlib.contextmanager
def _page_of(settings: Settings, http: HttpOptions | None) -> Iterator[tuple[list[socket.socket], Cockpit | None]]:
    if http is None:
        yield [], None
        return
    with listening_on(http) as (listener, addresses):
        yield [listener], Cockpit(CockpitAccess(Root(settings.root)), addresses)


async def _serve(
    settings: Settings,
    listeners: list[socket.socket],
    *,
    ready: Callable[[], None],
    probe_interval: float,
    cockpit: Cockpit | None,
) -> None:
    operations = Operations(settings)
    threads = ThreadPool(_THREADS, thread_name_prefix="call")
    try:
        observer = Observer(settings)
        operations.on_end = observer.forget
        call = Call(settings, observer, started=time.time(), operations=operations.current, can_retry=can_retry)
        dispatcher = Dispatcher(call, operations, threads)
        config = uvicorn.Config(
            cockpit.application(dispatcher) if cockpit else create_app(dispatcher),
            http=DeadlineProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
        )
        server = _Server(config, operations)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, server.end)
        signal.setitimer(signal.ITIMER_REAL, 0)  # the command line's, which would wake the loop every second
        server.on_started = ready
        watches = [
            asyncio.create_task(Liveness(call, operations, probe_interval).run()),
            asyncio.create_task(resume_interrupted(call.root, operations)),
        ]
        await server.serve(sockets=listeners)
        for watch in watches:
            watch.cancel()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


class _Server(uvicorn.Server):
    """uvicorn's, with our signals; between two signals it sleeps."""

    def __init__(self, config: uvicorn.Config, operations: Operations) -> None:
        super().__init__(config)
        self._operations = operations
        self._end = asyncio.Event()
        self.on_started: Callable[[], None] = lambda: None

    def end(self) -> None:
        self.should_exit = True
        self._end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        self.on_started()
        _notify_systemd(b"READY=1")
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Operations first: their clients get an answer before the connections are closed."""
        _notify_systemd(b"STOPPING=1")
        await self._operations.stop()
        self._operations.hub.close()
        await super().shutdown(sockets)


def _notify_systemd(text: bytes) -> None:
    """sd_notify(3), for Type=notify."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        name = "\0" + address[1:] if address.startswith("@") else address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(text, name)
