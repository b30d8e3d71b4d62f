"""In rounds the probes of the services that are wanted running; three failures in a row restart one.

A service that is down counts as one that fails; at the first round, after a boot, it is started at once. What is
flapping, and what has ended as it should, is left alone. A restart that fails is tried again later and later.
"""

import asyncio
import os
import time
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import load
from hero_build.errors import HeroBuildError
from hero_build.events import silent
from hero_build.model.services import Service, ServiceState
from hero_build.server.call import Call
from hero_build.server.operations import Operations
from hero_build.server.types import StartParams
from hero_build.services.definitions import ServiceSite, app_services
from hero_build.services.overview import Known
from hero_build.services.records import wanted
from hero_build.services.wait_until_up import check_health
from hero_build.supervisors.zinit import rotate_logs
from hero_build.system.thread_pool import ThreadPool

INTERVAL = 10.0
"""Seconds between two rounds, by default."""
FAILURES = 3
_SHORTEST_PROBE, _LONGEST_PROBE = 1.0, 5.0  # seconds
_TOGETHER = 8  # probes
_LONGEST_PAUSE = 600.0  # seconds after a restart that failed
_DOWN: frozenset[ServiceState] = frozenset({"stopped", "failed"})


class Checked(Struct, frozen=True, kw_only=True):
    """The result for one service: empty `reason` if it is healthy. `name` is what `restart` takes."""

    service: str
    app: str
    name: str
    reason: str = ""
    down: bool = False


class Liveness:
    """The rounds. Used in the event loop's thread, except `_results`."""

    def __init__(self, call: Call, operations: Operations, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._call = call
        self._operations = operations
        self._failures: dict[str, int] = {}
        self._pauses: dict[str, tuple[float, float]] = {}
        self._restarts: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until it is cancelled."""
        first = True
        while True:
            results = await asyncio.to_thread(self._results)
            self._call.observer.health = {item.service: not item.reason for item in results}
            for item in results:
                self._count(item, first=first)
            first = False
            await asyncio.sleep(self._interval)

    def _count(self, item: Checked, *, first: bool) -> None:
        if not item.reason:
            self._failures.pop(item.service, None)
            self._pauses.pop(item.service, None)
            return
        count = self._failures[item.service] = self._failures.get(item.service, 0) + 1
        busy = any(operation.app == item.app for operation in self._operations.current())
        due, _ = self._pauses.get(item.service, (0.0, 0.0))
        if busy or time.monotonic() < due or not (count >= FAILURES or (first and item.down)):
            return
        self._failures.pop(item.service)
        task = asyncio.create_task(self._restart(item))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def _restart(self, item: Checked) -> None:
        hub = self._operations.hub
        hub.service(item.app, f"{item.service} is restarted: {item.reason}")
        method = "service.start" if item.down else "service.restart"
        try:
            ending = await self._operations.run(method, item.app, StartParams(item.name))
            failed = ending.failure.message if ending.failure else ""
        except HeroBuildError as error:
            failed = error.message
        if failed:
            _, pause = self._pauses.get(item.service, (0.0, self._interval / 2))
            pause = min(2 * pause, _LONGEST_PAUSE)
            self._pauses[item.service] = (time.monotonic() + pause, pause)
            hub.service(item.app, f"{item.service} did not come up; the next attempt is in {pause:.0f} s: {failed}")

    def _results(self) -> list[Checked]:
        """An unreadable root or recipe is no reason to restart anything."""
        rotate_logs(self._call.root)
        try:
            state = self._call.observer.observe()
            services = list(self._services(state))
        except HeroBuildError:
            return []
        seconds = min(_LONGEST_PROBE, max(_SHORTEST_PROBE, self._interval))
        with ThreadPool(_TOGETHER, thread_name_prefix="probe") as pool:
            results = list(pool.map(lambda item: _check(*item, state=state, seconds=seconds), services))
        return [item for item in results if item is not None]

    def _services(self, state: Known) -> Iterator[tuple[Service, str]]:
        """The services that are wanted running, each with the name of its app or instance."""
        settings = self._call.settings
        records = [item for item in state.records if wanted(state.root, item.name) == "running"]
        if not records or state.trouble:
            return
        site = ServiceSite(
            state.root,
            sockets=settings.sockets,
            generation=state.generation,
            catalog=load(settings.recipes),
            environ=os.environ,
            emit=silent,
        )
        for app, instance in dict.fromkeys((item.app, item.instance) for item in records):
            names = {item.name for item in records if (item.app, item.instance) == (app, instance)}
            try:
                owner = app_services(app, instance, site, secrets=False)
            except HeroBuildError:
                continue
            for service in owner.services:
                if service.name in names:
                    yield service, owner.label


def _check(service: Service, label: str, *, state: Known, seconds: float) -> Checked | None:
    """None for what is neither up nor down: it is starting, flapping, or has ended as it should."""
    status = state.statuses.get(service.name)
    if any(record.name == service.name and record.flapping is not None for record in state.records):
        return None
    checked = Checked(service=service.name, app=service.app, name=f"{label}/{service.binary}")
    if status is None or status.state in _DOWN:
        reason = f"it is {status.state if status else 'not defined'}"
        return None if service.restart == "never" else replace(checked, reason=reason, down=True)
    if status.state != "running":
        return None
    answer = next((item for item in check_health(service, seconds) if not item.healthy), None)
    if answer and time.time() - (status.since or 0.0) < service.start_timeout:
        return None  # it may still be starting
    return replace(checked, reason=answer.message) if answer else checked
