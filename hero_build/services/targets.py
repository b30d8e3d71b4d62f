"""What a command names: APP, APP/BINARY, APP:INSTANCE, APP:INSTANCE/BINARY, @SET."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import NotFound, UsageError
from hero_build.model.installed import PartId
from hero_build.model.names import nearest
from hero_build.services.definitions import AppServices, ServiceSite, app_services, load_recipe
from hero_build.services.overview import ServiceRow
from hero_build.services.records import ServiceRecord, recorded_services

_INSTALLED = "@installed"


class ServiceTarget(Struct, frozen=True):
    """`instance` and `binary` are empty where none is named; `from_set`: named by a set, not by itself."""

    app: str
    instance: str = ""
    binary: str = ""
    from_set: bool = False

    @property
    def name(self) -> str:
        """As a command takes it."""
        instance = f":{self.instance}" if self.instance else ""
        return f"{self.app}{instance}{f'/{self.binary}' if self.binary else ''}"


def parse(name: str) -> ServiceTarget:
    """One word of a command line that is not a set. Raises UsageError."""
    head, slash, binary = name.partition("/")
    app, colon, instance = head.partition(":")
    if not app or (slash and not binary) or (colon and not instance) or "/" in binary or ":" in f"{instance}{binary}":
        raise UsageError(f"{name!r} is not a service", "Write APP, APP/BINARY, APP:INSTANCE or @SET.")
    return ServiceTarget(app, instance, binary)


def expand(names: Sequence[str], site: ServiceSite) -> tuple[ServiceTarget, ...]:
    """The targets, sets expanded, each once; of a set the services that it starts, of the apps that are installed.

    Raises AppNotFound, UsageError.
    """
    return tuple(dict.fromkeys(target for name in names for target in _expand(name, site)))


def expand_whole(names: Sequence[str], site: ServiceSite) -> tuple[ServiceTarget, ...]:
    """The same, but a set stands for all services of its apps: what was started beside it is stopped with it, too."""
    targets = expand(names, site)
    return tuple(dict.fromkeys(replace(item, binary="") if item.from_set else item for item in targets))


def _expand(name: str, site: ServiceSite) -> Iterator[ServiceTarget]:
    if not name.startswith("@"):
        target = parse(name)
        if PartId(target.app) not in site.generation.records:
            site.catalog.expand((target.app,))  # raises AppNotFound with the nearest name
        yield target
        return
    installed = [part.app for part in sorted(site.generation.records, key=str) if part.bundle is None]
    members = installed if name == _INSTALLED else site.catalog.started_by(name)
    selected = [replace(target, from_set=True) for target in map(parse, members) if target.app in installed]
    if not selected:
        hint = "`hero-build install APP` first." if name == _INSTALLED else f"`hero-build install {name}` first."
        raise NotFound(f"nothing of {name} is installed", hint)
    yield from selected


def instances(app: str, site: ServiceSite) -> tuple[str, ...]:
    """The instances of an app that were started here; the app itself (`""`) first."""
    names = {record.instance for record in recorded_services(site.root) if record.app == app}
    return ("", *sorted(names - {""}))


def select(target: ServiceTarget, site: ServiceSite, *, secrets: bool = True) -> tuple[AppServices, ...]:
    """The services that a target names: without an instance, those of the app and of all its known instances.

    Raises AppNotFound, NotFound, UsageError, RecipeError, MissingSecret.
    """
    known = (target.instance,) if target.instance else instances(target.app, site)
    if not load_recipe(target.app, site.catalog).recipe.instances:
        known = (target.instance,)
    owners = [app_services(target.app, instance, site, secrets=secrets) for instance in known]
    if target.binary:
        return tuple(_only(owner, target.binary, site) for owner in owners)
    if not target.from_set and not any(owner.services for owner in owners):
        reason = f"{target.app} has nothing to start: it has no server, admin or web"
        raise UsageError(reason, "`hero-build show` lists its programs.")
    return tuple(owner for owner in owners if owner.services)


def covers(target: ServiceTarget, record: ServiceRecord | ServiceRow) -> bool:
    """Whether a target names a service."""
    same = target.app == record.app and target.instance in ("", record.instance)
    return same and target.binary in ("", record.binary, record.name)


def _only(owner: AppServices, binary: str, site: ServiceSite) -> AppServices:
    services = tuple(item for item in owner.services if binary in (item.binary, item.name))
    if services:
        return replace(owner, services=services)
    names = sorted({item.binary for item in owner.services})
    record = site.generation.records.get(PartId(owner.app))
    if record and any(entry.name == binary for entry in record.entries):
        hint = f"{owner.app} has these services: {', '.join(names)}." if names else f"{owner.app} has no services."
        raise UsageError(f"{owner.app}/{binary} is not a service: it is installed, and never started", hint)
    close = nearest(binary, names) or tuple(names)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"{owner.app} has no services."
    raise NotFound(f"{owner.app} has no service {binary!r}", hint)
