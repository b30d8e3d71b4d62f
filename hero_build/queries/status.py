"""`status`: what is installed, whether it is intact, and what of it runs. Asks a forge only for `--latest`."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog.loader import Catalog
from hero_build.catalog.recipe_facts import ask_recipe
from hero_build.context import Context
from hero_build.errors import AppNotFound, HeroBuildError
from hero_build.events import Planning
from hero_build.install import seal
from hero_build.install.layout import Root
from hero_build.model.installed import InstalledArtifact, InstalledPart, PartId, Used
from hero_build.model.steps import Installed, Release
from hero_build.queries.apps import by_app, known, main
from hero_build.runtime import processes


class RunningProcess(Struct, frozen=True):
    """`old`: started from content that is no longer what is installed under that name. `unknown`: another user's."""

    pid: int
    binary: str
    state: processes.ProgramState


def running_processes(
    root: Root, installed: Mapping[str, tuple[InstalledPart, ...]]
) -> Mapping[str, tuple[RunningProcess, ...]]:
    """The running programs of each app, by app. One walk through /proc, however many apps there are."""
    owners = {
        entry.name: app for app, records in installed.items() for record in records for entry in _binaries(record)
    }
    found: dict[str, list[RunningProcess]] = {}
    for program in processes.running_programs(root):
        if program.binary in owners:
            process = RunningProcess(program.pid, program.binary, program.state)
            found.setdefault(owners[program.binary], []).append(process)
    return {app: tuple(sorted(items, key=lambda item: item.pid)) for app, items in found.items()}


def _binaries(record: InstalledPart) -> Iterator[InstalledArtifact]:
    return (entry for entry in record.entries if entry.artifact == "binary")


def newest(apps: Sequence[str], context: Context) -> Mapping[str, str | HeroBuildError]:
    """The tag of each app's newest release, or why it cannot be told."""
    with ThreadPoolExecutor(context.settings.jobs, thread_name_prefix="latest") as pool:
        return dict(zip(apps, pool.map(lambda app: _tag(app, context), apps), strict=True))


def latest_release(app: str, context: Context) -> Release:
    """Raises NotFound, ForgeError, RecipeError."""
    return context.forge.find(ask_recipe(context.catalog.get(app)).ref)


def _tag(app: str, context: Context) -> str | HeroBuildError:
    context.emit(Planning(app))
    try:
        return latest_release(app, context).tag
    except HeroBuildError as error:
        return error


State = Literal["intact", "damaged", "absent"]


class InstalledBundle(Struct, frozen=True):
    """A bundle of an app, which has a version of its own."""

    name: str
    version: str
    used: Used


class AppStatus(Struct, frozen=True):
    """`latest` is the newest release's tag, when it was asked for; `trouble` says why it could not be had."""

    name: str
    state: State
    version: str | None = None
    used: Used | None = None
    why: str | None = None
    damage: tuple[str, ...] = ()
    bundles: tuple[InstalledBundle, ...] = ()
    processes: tuple[RunningProcess, ...] = ()
    latest: str | None = None
    outdated: bool | None = None
    trouble: str | None = None


class StatusReport(Struct, frozen=True):
    root: str
    generation: int
    created: str | None
    apps: tuple[AppStatus, ...]


def status(root: Root, catalog: Catalog, names: Sequence[str]) -> StatusReport:
    """Of `names`, sets included, or of all that is installed. Raises AppNotFound, RootDamaged."""
    generation = manifest.load(root.path)
    installed = by_app(generation)
    wanted = known(names, installed, catalog) or tuple(installed)
    parts = [record.id for app in wanted for record in installed.get(app, ())]
    looked = seal.inspect(root, generation, parts)
    running = running_processes(root, {app: installed[app] for app in wanted if app in installed})
    apps = tuple(
        _app(app, records=installed.get(app, ()), looked=looked, running=running.get(app, ())) for app in wanted
    )
    return StatusReport(str(root.path), generation=generation.number, created=generation.created or None, apps=apps)


def with_latest(answer: StatusReport, context: Context) -> StatusReport:
    """The same with the newest release of each app; a forge that does not answer is told beside the app."""
    found = newest([app.name for app in answer.apps], context)
    return replace(answer, apps=tuple(_latest(app, found[app.name]) for app in answer.apps))


def _app(
    name: str,
    records: tuple[InstalledPart, ...],
    looked: Mapping[PartId, Installed],
    running: tuple[RunningProcess, ...],
) -> AppStatus:
    found = main(records)
    damage = tuple(sentence for record in records for sentence in looked[record.id].damage)
    bundles = tuple(InstalledBundle(r.id.bundle, r.origin.version, r.origin.used) for r in records if r.id.bundle)
    if found is None:
        return AppStatus(name, "absent", damage=damage, bundles=bundles)
    state: State = "damaged" if damage else "intact"
    origin = found.origin
    return AppStatus(
        name,
        state=state,
        version=origin.version,
        used=origin.used,
        why=origin.why,
        damage=damage,
        bundles=bundles,
        processes=running,
    )


def _latest(app: AppStatus, found: str | HeroBuildError) -> AppStatus:
    if isinstance(found, AppNotFound):
        return replace(app, trouble="its recipe is gone")
    if isinstance(found, HeroBuildError):
        return replace(app, trouble=found.message)
    return replace(app, latest=found, outdated=app.version != found if app.version and app.used == "download" else None)
