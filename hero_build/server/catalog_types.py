"""What `catalog.*` returns. The docstrings and fields become the OpenRPC document."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hero_build.model.installed import Kind
from hero_build.model.services import ServiceState
from hero_build.server.types import Name, Version
from hero_build.services.journal import Operation
from hero_build.services.records import Wanted

Installs = Literal["programs", "islands", "nothing"]
"""What installing an app installs: its programs together, the desktop's islands, or nothing (see `refuses`)."""


class CatalogInstallParams(Struct, frozen=True):
    """The app to install, or to update, and to start; `bundle` true: the desktop's shell or islands of it."""

    name: Name
    version: Version | None = None
    bundle: bool = False


class CatalogAdoptParams(Struct, frozen=True):
    """The app to install, and the service of a supervisor in whose place it is to run, as `foreign` lists it."""

    name: Name
    service: Annotated[str, Meta(min_length=1, max_length=255)]
    supervisor: Annotated[str, Meta(min_length=1, max_length=255)]


class CatalogRestoreParams(Struct, frozen=True):
    """The generation whose content is restored for all apps; 0 is the empty root."""

    number: int


class CatalogDiffParams(Struct, frozen=True):
    """Two generations; 0 is the empty root."""

    before: int
    after: int


class CatalogLatestParams(Struct, frozen=True):
    """`refresh`: ask the forge even if it was asked a short time ago."""

    refresh: bool = False


class CatalogBinary(Struct, frozen=True):
    """A program of an app. `kind` is server, admin, web or cli; `starts`: it runs as a service."""

    name: str
    kind: Kind | None
    starts: bool
    formerly: str | None = None


class CatalogService(Struct, frozen=True):
    """A service of an installed app. `name` is unique, `target` is what service.start takes.

    `healthy`: by the last health check; null: it was not checked. `since`: seconds since 1970. `url`: where a browser
    finds it, if the recipe says so.
    """

    name: str
    target: str
    kind: Kind | None
    state: ServiceState
    healthy: bool | None
    reason: str
    pid: int
    since: float | None
    restarts: int
    wanted: Wanted | None
    version_running: str | None
    url: str


class CatalogApp(Struct, frozen=True):
    """An app. `binaries`: of an uninstalled app those of its recipe; none: the release or the repo lists them.

    `installs`, `refuses`: whether it can be installed, and why not; `trouble`: its recipe cannot be read. `previous`:
    the version that catalog.rollback returns to. `bundles`: installed shells and islands, by name. `operation`: the
    last change of the app, or the one that runs; `retry`: its method takes its arguments once more.
    """

    name: str
    about: str
    binaries: tuple[CatalogBinary, ...]
    installs: Installs
    refuses: str
    trouble: str
    needs: tuple[str, ...]
    version: str | None
    used: str | None
    previous: str | None
    held: bool
    bundles: tuple[str, ...]
    services: tuple[CatalogService, ...]
    operation: Operation | None
    retry: bool


class CatalogSet(Struct, frozen=True):
    name: str
    apps: tuple[str, ...]


class CatalogWarning(Struct, frozen=True):
    """Something that is missing, such as islands: catalog.install of `app` installs it, with `bundle` true."""

    text: str
    hint: str
    app: str


class ForeignService(Struct, frozen=True):
    """A service that a supervisor knows and no installed app owns. `app`: an app that has such a program, which
    catalog.adopt installs in its place; null: none has.
    """

    name: str
    supervisor: str
    state: ServiceState
    pid: int
    app: str | None


class CatalogListing(Struct, frozen=True):
    """All apps, the sets, and what a page shows beside them. `disk_free`: bytes; `time`: seconds since 1970; `root`:
    with `~` for the home folder.
    """

    time: float
    root: str
    host: str
    generation: int
    disk_free: int
    supervisor_trouble: str
    apps: tuple[CatalogApp, ...]
    sets: tuple[CatalogSet, ...]
    warnings: tuple[CatalogWarning, ...]
    foreign: tuple[ForeignService, ...]


class LatestVersion(Struct, frozen=True):
    """`latest`: the newest release's tag; `trouble`: why it is not known. `newer`: it is not the installed one."""

    name: str
    latest: str | None
    newer: bool
    trouble: str = ""


class LatestVersions(Struct, frozen=True):
    """Of the installed apps, as the forge had them at `checked` (RFC 3339, UTC)."""

    checked: str
    apps: tuple[LatestVersion, ...]
