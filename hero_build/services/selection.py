"""What a command restarts: all services of an app, or those that do not run as installed."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.install.layout import Root
from hero_build.model.installed import Generation, InstalledArtifact
from hero_build.services.service_map import OwnedService
from hero_build.system import proc_stat


class RestartRequest(Struct, frozen=True):
    """An app whose services must run as installed.

    `always`: restart all of them, and start those that are down. `since`: also restart what was started before that
    time (of time.time()), since it has not read files installed then. `services`: these, also if they are down.
    """

    app: str
    always: bool = False
    since: float = 0.0
    services: tuple[str, ...] = ()


def all_services(apps: Iterable[str]) -> tuple[RestartRequest, ...]:
    """`restart APP…`."""
    return tuple(RestartRequest(app, always=True) for app in apps)


def outdated_services(
    apps: Iterable[str], root: Root, generation: Generation, restarts: Mapping[str, tuple[str, ...]]
) -> tuple[RestartRequest, ...]:
    """`--restart` after an install of `apps`: their services and those of the apps in their recipes' `restarts`, if
    they run older programs or were started before the newest library or bundle they use.

    That is why installing islands or the shell restarts hero_os: it reads their folders only when it starts.
    """
    since: dict[str, float] = {}
    folder = root.generation(generation.number)
    for app in apps:
        since[app] = max(since.get(app, 0.0), _newest_mtime(folder, _libraries_and_bundles(generation, app)))
        for other in restarts.get(app, ()):
            since[other] = max(since.get(other, 0.0), _newest_mtime(folder, _entries(generation, app)))
    return tuple(RestartRequest(app, since=moment) for app, moment in since.items())


def needs_restart(item: OwnedService, request: RestartRequest) -> bool:
    """Whether to restart a service. A stopped one only with `always`: somebody stopped it. A failed one also without:
    it should run and does not.
    """
    if request.services:
        return item.service.name in request.services
    if request.always or item.service.state == "failed":
        return True
    old = any(program.state == "old" for program in item.programs)
    return not item.service.is_stopped and (old or started_before(item.service.pid, request))


def started_before(pid: int, request: RestartRequest) -> bool:
    """Whether a process was started before the files that it must have read were installed."""
    started = proc_stat.start_time(pid) if pid else None
    return started is not None and started < request.since


def _entries(generation: Generation, app: str) -> Iterator[InstalledArtifact]:
    return (entry for part, record in generation.records.items() if part.app == app for entry in record.entries)


def _libraries_and_bundles(generation: Generation, app: str) -> Iterator[InstalledArtifact]:
    """What an app's programs read; the programs themselves are compared file by file."""
    return (entry for entry in _entries(generation, app) if entry.artifact != "binary")


def _newest_mtime(folder: Path, entries: Iterable[InstalledArtifact]) -> float:
    """When the newest of these files was installed: an install always writes new files."""
    moments = [0.0]
    for path in (folder / file.path for entry in entries for file in entry.files):
        if path.exists():
            moments.append(path.stat().st_mtime)
    return max(moments)
