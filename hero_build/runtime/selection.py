"""What a command wants restarted: all of an app, or what of it does not run as installed."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from hero_build.install.layout import Root
from hero_build.model.installed import Generation, InstalledArtifact
from hero_build.runtime import processes
from hero_build.runtime.service_map import OwnedService


class RestartRequest(Struct, frozen=True):
    """An app whose services are to run as installed.

    `always`: restart them whatever they run, and start those that are down. `since`: restart what was started before
    that (of time.time()), since it cannot have read the files that came then.
    """

    app: str
    always: bool = False
    since: float = 0.0


def all_services(apps: Iterable[str]) -> tuple[RestartRequest, ...]:
    """`restart APP…`."""
    return tuple(RestartRequest(app, always=True) for app in apps)


def outdated_services(
    apps: Iterable[str], root: Root, generation: Generation, restarts: Mapping[str, tuple[str, ...]]
) -> tuple[RestartRequest, ...]:
    """`--restart` after `apps` were installed: they, and those which their recipes' `restarts` name, as far as they
    run older programs, or were started before the newest library or bundle that concerns them.

    For the islands and the shell that is why hero_os is restarted: it looks for the folders only when it starts.
    """
    since: dict[str, float] = {}
    for app in apps:
        since[app] = max(since.get(app, 0.0), _newest_mtime(root, _libraries_and_bundles(generation, app)))
        for other in restarts.get(app, ()):
            since[other] = max(since.get(other, 0.0), _newest_mtime(root, _entries(generation, app)))
    return tuple(RestartRequest(app, since=moment) for app, moment in since.items())


def needs_restart(item: OwnedService, request: RestartRequest) -> bool:
    """Whether a service is to be restarted. One that rests only if it is asked for by name: somebody stopped it, or it
    is the way back from a version that did not run. One that failed also otherwise: it should run and does not."""
    if request.always or item.service.state == "failed":
        return True
    old = any(program.state == "old" for program in item.programs)
    return not item.service.is_stopped and (old or started_before(item.service.pid, request))


def started_before(pid: int, request: RestartRequest) -> bool:
    """Whether a process was started before what is wanted of it came."""
    started = processes.start_time(pid) if pid else None
    return started is not None and started < request.since


def _entries(generation: Generation, app: str) -> Iterator[InstalledArtifact]:
    return (entry for part, record in generation.records.items() if part.app == app for entry in record.entries)


def _libraries_and_bundles(generation: Generation, app: str) -> Iterator[InstalledArtifact]:
    """What an app's programs read and are not: their own files are compared one by one."""
    return (entry for entry in _entries(generation, app) if entry.artifact != "binary")


def _newest_mtime(root: Root, entries: Iterable[InstalledArtifact]) -> float:
    """When the newest file of these came: content that enters a root is a new file with the time of that moment."""
    moments = [0.0]
    for path in (root.current / file.path for entry in entries for file in entry.files):
        if path.exists():
            moments.append(path.stat().st_mtime)
    return max(moments)
