"""The methods that only read: they run in a thread of the server."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hero_build import __version__, manifest
from hero_build.catalog.loader import load
from hero_build.errors import NotFound
from hero_build.model.installed import Generation
from hero_build.queries.apps import by_app, version
from hero_build.queries.inspect import Inspection
from hero_build.queries.inspect import inspect as inspect_services
from hero_build.queries.service_health import HealthReport
from hero_build.queries.service_health import health as check_services
from hero_build.queries.service_logs import LogReport
from hero_build.queries.service_logs import logs as service_logs
from hero_build.queries.troubleshoot import DiagnosisReport
from hero_build.queries.troubleshoot import troubleshoot as diagnose
from hero_build.queries.verify import VerifyReport
from hero_build.queries.verify import verify as verify_apps
from hero_build.server.call import Call
from hero_build.server.targets import known_app
from hero_build.server.types import (
    ListedService,
    ListedStatus,
    LogsParams,
    NameParams,
    NoParams,
    ServerHealth,
    ServiceStatusRow,
)
from hero_build.services import overview
from hero_build.services.overview import ServiceRow
from hero_build.services.targets import ServiceTarget, covers, parse


def list_services(params: NoParams, call: Call) -> tuple[ListedService, ...]:
    """List all apps, whether they are installed, run and are healthy."""
    state = call.observer.observe()
    installed = by_app(state.generation)
    names = sorted({*call.observer.apps(), *installed})
    rows = overview.rows(tuple(installed), state)
    return tuple(_listed(name, version(installed.get(name, ())), rows=rows.get(name, ()), call=call) for name in names)


def status(params: NameParams, call: Call) -> tuple[ServiceStatusRow, ...]:
    """The services of an installed app, whether they run, since when, and how often they were restarted."""
    target = parse(params.name)
    state = call.observer.observe()
    rows = overview.rows([target.app], state)[target.app]
    chosen = [row for row in rows if covers(target, row)]
    if not chosen:
        _require_installed(target, call, state.generation)
    now = time.time()
    return tuple(_status(row, now) for row in chosen)


def inspect(params: NameParams, call: Call) -> Inspection:
    """How an app's services are defined and what they do, with its last operations, as `hero-build inspect NAME`."""
    return inspect_services((params.name,), call.service_run())


def service_health(params: NameParams, call: Call) -> HealthReport:
    """What each service answers to its probes now, as `hero-build health NAME`."""
    return check_services([params.name], call.service_run())


def logs(params: LogsParams, call: Call) -> LogReport:
    """The last lines that services wrote, as `hero-build logs NAME`."""
    return service_logs([params.name], params.lines, call.service_run())


def troubleshoot(params: NameParams, call: Call) -> DiagnosisReport:
    """Why a service does not run or is not healthy, and the next command, as `hero-build troubleshoot NAME`."""
    return diagnose((params.name,), call.service_run())


def verify(params: NameParams, call: Call) -> VerifyReport:
    """Check the files and links of an installed app against the manifest, as `hero-build verify APP`."""
    catalog = load(call.settings.recipes)
    app = known_app(params.name, catalog, manifest.load(call.settings.root))
    return verify_apps(call.root, catalog, [app])


def health(params: NoParams, call: Call) -> ServerHealth:
    """Whether the server answers, since when, and how many operations it runs or queues."""
    uptime = int(1000 * (time.time() - call.started))
    return ServerHealth(
        "ok",
        version=__version__,
        pid=os.getpid(),
        root=str(call.root.path),
        uptime_ms=uptime,
        operations=len(call.operations()),
    )


def discover(params: NoParams, call: Call) -> Mapping[str, Any]:
    """The OpenRPC document of this server."""
    from hero_build.server.openrpc import document  # built when it is asked for

    return document()


def _status(row: ServiceRow, now: float) -> ServiceStatusRow:
    since = row.since.timestamp() if row.since and row.pid else None
    return ServiceStatusRow(
        row.name,
        state=row.state,
        uptime_ms=None if since is None else max(0, int(1000 * (now - since))),
        restart_count=row.restarts,
        pid=row.pid,
        reason=row.reason,
        wanted=row.wanted,
        version_installed=row.version_installed,
        version_running=row.version_running,
    )


def _listed(name: str, installed: str | None, *, rows: Sequence[ServiceRow], call: Call) -> ListedService:
    running = [row for row in rows if row.state == "running"]
    status: ListedStatus = "absent" if installed is None else "stopped"
    if running:
        status = "running" if all(row.state == "running" or row.wanted != "running" for row in rows) else "degraded"
    elif any(row.wanted == "running" for row in rows):
        status = "degraded"
    return ListedService(name, status=status, version_installed=installed, healthy=call.observer.healthy(running))


def _require_installed(target: ServiceTarget, call: Call, generation: Generation) -> None:
    """Why nothing of a target is there. Raises AppNotFound, NotFound."""
    app = known_app(target.app, load(call.settings.recipes), generation)
    if not any(part.app == app for part in generation.records):
        raise NotFound(f"{app} is not installed", f"`hero-build install {app}` first.")
    if target.binary or target.instance:
        raise NotFound(f"{app} has no such service", f"service.status of {app} lists its services.")
