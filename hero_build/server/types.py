"""The parameters and the results of the methods. Their docstrings and fields become the OpenRPC document."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hero_build.model.installed import Mode

Name = Annotated[str, Meta(min_length=1, max_length=255, description="APP, APP/BINARY or APP:INSTANCE")]
Version = Annotated[str, Meta(min_length=1, max_length=255, description="a release's tag; null: the newest")]


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


class ListedService(Struct, frozen=True):
    """An app: whether its services run, and whether they are healthy (null: none runs, or it is not known)."""

    name: str
    status: Literal["absent", "stopped", "partial", "running"]
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
