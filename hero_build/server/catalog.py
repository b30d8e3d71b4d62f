"""`catalog.list`: every app with what is installed and what runs of it, as one document for a page."""

import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from hero_build.catalog.loader import Catalog, load, recipe_errors
from hero_build.errors import HeroBuildError
from hero_build.events import silent
from hero_build.install.holds import held_apps
from hero_build.install.layout import Root
from hero_build.model.artifacts import DESKTOP_APP, ISLANDS_APP
from hero_build.model.installed import Generation, InstalledPart, Kind, PartId
from hero_build.queries.apps import by_app, version
from hero_build.queries.bundle_warnings import missing_bundles, short
from hero_build.server.call import Call
from hero_build.server.catalog_cards import RecipeCard
from hero_build.server.catalog_foreign import foreign_services
from hero_build.server.catalog_types import (
    CatalogApp,
    CatalogBinary,
    CatalogListing,
    CatalogService,
    CatalogSet,
    CatalogWarning,
    ForeignService,
)
from hero_build.server.types import NoParams
from hero_build.services import journal, overview
from hero_build.services.definitions import ServiceSite, app_services
from hero_build.services.journal import Operation
from hero_build.services.open_run import supervisor_of
from hero_build.services.overview import Known, ServiceRow
from hero_build.system.plain_text import clean


class Sources(Struct, frozen=True):
    """All that a listing is made of."""

    call: Call
    catalog: Catalog
    state: Known
    cards: Mapping[str, RecipeCard]
    installed: Mapping[str, tuple[InstalledPart, ...]]
    rows: Mapping[str, tuple[ServiceRow, ...]]
    held: frozenset[str]
    running: Mapping[str, Operation]

    @property
    def generation(self) -> Generation:
        return self.state.generation


def list_catalog(params: NoParams, call: Call) -> CatalogListing:
    """List every app with its programs, its services and its last operation, the sets, and what is missing."""
    catalog = load(call.settings.recipes)
    state = call.observer.observe()
    installed = by_app(state.generation)
    sources = Sources(
        call,
        catalog=catalog,
        state=state,
        cards=call.memory.cards.read(catalog),
        installed=installed,
        rows=overview.rows(tuple(installed), state),
        held=frozenset(held_apps(call.root)),
        running={item.app: item for item in reversed(call.operations())},
    )
    return CatalogListing(
        time.time(),
        root=short(call.root.path),
        host=socket.gethostname(),
        generation=state.generation.number,
        disk_free=_free(call.root),
        supervisor_trouble=state.trouble,
        apps=tuple(_app(name, sources) for name in sorted({*catalog.files, *installed})),
        sets=tuple(CatalogSet(f"@{name}", members) for name, members in sorted(catalog.sets.items())),
        warnings=_warnings(call.root, state.generation),
        foreign=call.memory.foreign.get(lambda: _foreign(sources)),
    )


def _foreign(sources: Sources) -> tuple[ForeignService, ...]:
    own = supervisor_of(sources.call.settings)
    return foreign_services(sources.state, sources.cards, settings=sources.call.settings, own=own)


def _app(name: str, sources: Sources) -> CatalogApp:
    records = sources.installed.get(name, ())
    card = sources.cards.get(name) or RecipeCard("", None, "it has no recipe")
    own = sources.generation.records.get(PartId(name))
    operation = sources.running.get(name) or next(iter(journal.operations(sources.call.root, name, 1)), None)
    return CatalogApp(
        name,
        about=card.about,
        binaries=_binaries(own) if own else card.binaries,
        installs=card.installs,
        refuses=clean(card.recipe.refuses),
        trouble=clean(card.trouble),
        needs=card.recipe.needs,
        version=version(records),
        used=records[0].origin.used if records else None,
        previous=sources.call.memory.previous.version(sources.call.root, sources.generation, name) if own else None,
        held=name in sources.held,
        bundles=tuple(record.id.bundle for record in records if record.id.bundle),
        services=tuple(_services(name, card, sources)),
        operation=operation,
        retry=operation is not None and sources.call.can_retry(operation),
    )


def _binaries(record: InstalledPart) -> tuple[CatalogBinary, ...]:
    programs = [entry for entry in record.entries if entry.artifact == "binary"]
    return tuple(CatalogBinary(entry.name, entry.kind, entry.startable) for entry in programs)


def _services(app: str, card: RecipeCard, sources: Sources) -> Iterator[CatalogService]:
    rows = sources.rows.get(app, ())
    kinds = {item.name: item.kind for item in _binaries(sources.installed[app][0])} if rows else {}
    urls = _urls(app, rows, sources) if rows else {}
    for row in rows:
        label = f"{app}:{row.instance}" if row.instance else app
        yield CatalogService(
            row.name,
            target=f"{label}/{row.binary}",
            kind=_kind(kinds, row),
            state=row.state,
            healthy=sources.call.observer.health.get(row.name) if row.pid else None,
            reason=clean(row.reason),
            pid=row.pid,
            since=None if row.since is None else row.since.timestamp(),
            restarts=row.restarts,
            wanted=row.wanted,
            version_running=row.version_running,
            url=urls.get(row.name, ""),
        )


def _kind(kinds: Mapping[str, Kind | None], row: ServiceRow) -> Kind | None:
    return kinds.get(row.binary)


def _urls(app: str, rows: Sequence[ServiceRow], sources: Sources) -> Mapping[str, str]:
    """What the recipe says; a recipe that fails here has no addresses, and says why when it is started."""
    loaded = sources.cards[app].loaded if app in sources.cards else None
    instances = tuple(dict.fromkeys(row.instance for row in rows))
    folder = sources.call.root.path / "cfg" / "env"
    settings = tuple(_modified(folder / f"{name}.env") for name in ("hero", app))
    key = (loaded, sources.generation.number, instances, settings)
    return sources.call.memory.urls.get(app, key, lambda: _ask_urls(app, instances, sources))


def _ask_urls(app: str, instances: Sequence[str], sources: Sources) -> Mapping[str, str]:
    settings = sources.call.settings
    site = ServiceSite(
        sources.call.root,
        sockets=settings.sockets,
        generation=sources.generation,
        catalog=sources.catalog,
        environ=os.environ,
        emit=silent,
    )
    urls: dict[str, str] = {}
    for instance in instances:
        try:
            owner = app_services(app, instance, site, secrets=False)
            with recipe_errors(owner.loaded.path):
                urls |= {item.name: owner.loaded.recipe.url(owner.context, item) for item in owner.services}
        except HeroBuildError:
            continue
    return {name: url for name, url in urls.items() if is_web_address(url)}


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def is_web_address(url: object) -> bool:
    """A recipe may return anything; a page makes links of http and https only."""
    if not isinstance(url, str) or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _warnings(root: Root, generation: Generation) -> tuple[CatalogWarning, ...]:
    """The missing bundles of the desktop, as the commands warn of them."""
    return tuple(
        CatalogWarning(item.text, " ".join(item.hint.split()), ISLANDS_APP if "island" in item.text else DESKTOP_APP)
        for item in missing_bundles(root, generation)
    )


def _free(root: Root) -> int:
    folder = root.path
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(Path(folder)).free
