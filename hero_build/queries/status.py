"""`status`: what is installed, whether it is intact, and what of it runs. Local, unless the newest is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hero_build import manifest
from hero_build.catalog import Catalog
from hero_build.errors import AppNotFound, HeroBuildError
from hero_build.install import seal
from hero_build.install.layout import Root
from hero_build.model import Installed
from hero_build.queries.apps import by_app, known, main
from hero_build.queries.latest import newest
from hero_build.queries.running import Process, processes
from hero_build.record import PartId, Record, Used
from hero_build.tools import Tools

State = Literal["intact", "damaged", "absent"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle of an app, which has a version of its own."""

    name: str
    version: str
    used: Used


@dataclass(frozen=True, slots=True)
class AppStatus:
    """`latest` is the newest release's tag, when it was asked for; `trouble` says why it could not be had."""

    name: str
    state: State
    version: str | None = None
    used: Used | None = None
    why: str | None = None
    damage: tuple[str, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    processes: tuple[Process, ...] = ()
    latest: str | None = None
    outdated: bool | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    root: str
    generation: int
    created: str | None
    apps: tuple[AppStatus, ...]


def status(root: Root, catalog: Catalog, names: Sequence[str]) -> Status:
    """Of `names`, sets included, or of all that is installed. Raises AppNotFound, RootDamaged."""
    generation = manifest.load(root.path)
    installed = by_app(generation)
    wanted = known(names, installed, catalog) or tuple(installed)
    parts = [record.id for app in wanted for record in installed.get(app, ())]
    looked = seal.inspect(root, generation, parts)
    running = processes(root, {app: installed[app] for app in wanted if app in installed})
    apps = tuple(_app(app, installed.get(app, ()), looked, running.get(app, ())) for app in wanted)
    return Status(str(root.path), generation.number, generation.created or None, apps)


def with_latest(answer: Status, tools: Tools) -> Status:
    """The same with the newest release of each app; a forge that does not answer is told beside the app."""
    found = newest([app.name for app in answer.apps], tools)
    return replace(answer, apps=tuple(_latest(app, found[app.name]) for app in answer.apps))


def _app(
    name: str, records: tuple[Record, ...], looked: Mapping[PartId, Installed], running: tuple[Process, ...]
) -> AppStatus:
    found = main(records)
    damage = tuple(sentence for record in records for sentence in looked[record.id].damage)
    bundles = tuple(Bundle(r.id.bundle, r.origin.version, r.origin.used) for r in records if r.id.bundle)
    if found is None:
        return AppStatus(name, "absent", damage=damage, bundles=bundles)
    state: State = "damaged" if damage else "intact"
    origin = found.origin
    return AppStatus(name, state, origin.version, origin.used, origin.why, damage, bundles, running)


def _latest(app: AppStatus, found: str | HeroBuildError) -> AppStatus:
    if isinstance(found, AppNotFound):
        return replace(app, trouble="its recipe is gone")
    if isinstance(found, HeroBuildError):
        return replace(app, trouble=found.message)
    return replace(app, latest=found, outdated=app.version != found if app.version and app.used == "download" else None)
