"""The parameters and the results of the methods. Their docstrings and fields become the OpenRPC document."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hero_build.model.installed import Mode
from hero_build.model.services import ServiceState
from hero_build.queries.change_report import RestartReport
from hero_build.queries.service_report import ServiceReport
from hero_build.services.records import Wanted

Name = Annotated[str, Meta(min_length=1, max_length=255, description="APP, APP/BINARY or APP:INSTANCE")]
Version = Annotated[str, Meta(min_length=1, max_length=255, description="a release's tag; null: the newest")]


ListedStatus = Literal["absent", "stopped", "degraded", "running"]
"""Of an app: not installed; nothing runs; something that is wanted running does not run; all of that runs."""


class NoParams(Struct, frozen=True):
    """No parameters."""


class NameParams(Struct, frozen=True):
    """The app, or a service of it."""

    name: Name


class BuildParams(Struct, frozen=True):
    """What to build: an app, by download, from source, or what fits (auto)."""

    name: Name
    mode: Mode = "auto"
    version: Version | None = None


class InstallParams(Struct, frozen=True):
    """What to install; `reset` installs again what is up to date."""

    name: Name
    mode: Mode = "auto"
    version: Version | None = None
    reset: bool = False


class StartParams(Struct, frozen=True):
    """What to start; `reset` also starts what is flapping, `version` installs that release before."""

    name: Name
    reset: bool = False
    version: Version | None = None


class RestartParams(Struct, frozen=True):
    """What to restart; `version` installs that release before. `reset` changes nothing: a restart always resets."""

    name: Name
    reset: bool = False
    version: Version | None = None


class UpgradeParams(Struct, frozen=True):
    """What to upgrade, to which release."""

    name: Name
    version: Version | None = None


class LogsParams(Struct, frozen=True):
    """Whose log, and how many of its last lines."""

    name: Name
    lines: Annotated[int, Meta(ge=1, le=10_000)] = 50


class StopParams(Struct, frozen=True):
    """What to stop."""

    name: Name


class DeleteParams(Struct, frozen=True):
    """What to delete; `purge_binaries` also uninstalls the app."""

    name: Name
    purge_binaries: bool = False


class StartedAt(ServiceReport, frozen=True):
    """When all of them were healthy (RFC 3339, UTC), and each with its result."""

    started_at: str


class RestartedAt(RestartReport, frozen=True, kw_only=True):
    """When all of them were healthy again (RFC 3339, UTC), and each with its result."""

    restarted_at: str


class StoppedAt(ServiceReport, frozen=True):
    """When all of them had ended (RFC 3339, UTC), and each with its result."""

    stopped_at: str


class ServiceStatusRow(Struct, frozen=True):
    """A service; `uptime_ms` is null of one that does not run, `restart_count` counts automatic restarts."""

    name: str
    state: ServiceState
    uptime_ms: int | None
    restart_count: int
    pid: int
    reason: str
    wanted: Wanted | None
    version_installed: str | None
    version_running: str | None


class ListedService(Struct, frozen=True):
    """An app: whether its services run, and whether they are healthy (null: none runs, or it is not known)."""

    name: str
    status: ListedStatus
    version_installed: str | None
    healthy: bool | None


class ServerHealth(Struct, frozen=True):
    """The server itself: `ok` as long as it answers."""

    status: Literal["ok"]
    version: str
    pid: int
    root: str
    uptime_ms: int
    operations: int
