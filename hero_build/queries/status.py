"""`status`: what is installed, whether it is intact, and what runs. Asks the forge only for `--latest`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog.loader import Catalog
from hero_build.catalog.recipe_facts import ask_recipe
from hero_build.context import Context
from hero_build.errors import AppNotFound, HeroBuildError
from hero_build.events import Planning
from hero_build.install import seal, snapshot
from hero_build.install.holds import held_apps
from hero_build.install.layout import Root
from hero_build.model.installed import Generation, InstalledArtifact, InstalledPart, PartId, Used
from hero_build.model.steps import Installed, Release
from hero_build.queries.apps import by_app, expand, main
from hero_build.services import overview, processes, targets
from hero_build.services.overview import ServiceRow
from hero_build.services.targets import ServiceTarget
from hero_build.supervisors.protocol import Supervisor
from hero_build.system.thread_pool import ThreadPool


class RunningProcess(Struct, frozen=True):
    """`old`: started from a file that has been replaced since. `unknown`: another user's process."""

    pid: int
    binary: str
    state: processes.ProgramState


def running_processes(
    root: Root, installed: Mapping[str, tuple[InstalledPart, ...]], folder: Path | None = None
) -> Mapping[str, tuple[RunningProcess, ...]]:
    """The running programs of each app, compared with the generation in `folder` (None: the current one).

    Walks /proc once for all apps.
    """
    owners = {
        entry.name: app for app, records in installed.items() for record in records for entry in _binaries(record)
    }
    by_owner: dict[str, list[RunningProcess]] = {}
    for program in processes.running_programs(root, folder):
        if program.binary in owners:
            process = RunningProcess(program.pid, program.binary, program.state)
            by_owner.setdefault(owners[program.binary], []).append(process)
    return {app: tuple(sorted(items, key=lambda item: item.pid)) for app, items in by_owner.items()}


def _binaries(record: InstalledPart) -> Iterator[InstalledArtifact]:
    return (entry for entry in record.entries if entry.artifact == "binary")


def newest_tags(apps: Sequence[str], context: Context) -> Mapping[str, str | HeroBuildError]:
    """The tag of each app's newest release, or the error of finding it."""
    with ThreadPool(context.settings.jobs, thread_name_prefix="latest") as pool:
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
    """A bundle of an app, with its own version."""

    name: str
    version: str
    used: Used


class AppStatus(Struct, frozen=True):
    """`latest`: the newest release's tag, if requested; `trouble`: the error of finding it.

    `held`: `upgrade` leaves it as it is.
    `services`: each startable program, whether it was started or not, and each instance that was.
    """

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
    held: bool = False
    trouble: str | None = None
    services: tuple[ServiceRow, ...] = ()


class StatusReport(Struct, frozen=True):
    """`lock`: the sha256 of the lock file that the generation has, all of it; None where something else came since."""

    root: str
    generation: int
    created: str | None
    apps: tuple[AppStatus, ...]
    lock: str | None = None


def status(root: Root, catalog: Catalog, names: Sequence[str]) -> StatusReport:
    """The status of `names`, sets expanded, or of all installed apps. Raises AppNotFound, RootDamaged."""
    return snapshot.examine(
        root,
        lambda generation: _status(root, catalog=catalog, names=names, generation=generation),
        lambda report: any(app.damage for app in report.apps),
    )


def apps_of(names: Sequence[str]) -> tuple[str, ...]:
    """The apps and sets of names that may name a service or an instance. Raises UsageError."""
    return tuple(dict.fromkeys(name if name.startswith("@") else targets.parse(name).app for name in names))


def with_services(answer: StatusReport, root: Root, supervisor: Supervisor, names: Sequence[str] = ()) -> StatusReport:
    """The answer with what runs of each app, as the supervisor and /proc have it; of an app whose service or instance
    is named, only that. Raises RootDamaged.
    """
    state = overview.known(root, manifest.load(root.path), supervisor)
    services = overview.rows([app.name for app in answer.apps], state)
    named = [targets.parse(name) for name in names if not name.startswith("@")]
    return replace(answer, apps=tuple(replace(app, services=_named(services[app.name], named)) for app in answer.apps))


def _named(rows: tuple[ServiceRow, ...], named: Sequence[ServiceTarget]) -> tuple[ServiceRow, ...]:
    """The rows that are named; all rows of an app of which no service is named."""
    own = [target for target in named if rows and target.app == rows[0].app]
    if not own or any(not (target.instance or target.binary) for target in own):
        return rows
    return tuple(
        row
        for row in rows
        if any(t.instance in ("", row.instance) and t.binary in ("", row.binary, row.name) for t in own)
    )


def _status(root: Root, catalog: Catalog, names: Sequence[str], generation: Generation) -> StatusReport:
    installed = by_app(generation)
    requested = expand(names, installed, catalog) or tuple(installed)
    parts = [record.id for app in requested for record in installed.get(app, ())]
    on_disk = seal.inspect(root, generation, parts)
    folder = root.generation(generation.number)
    running = running_processes(root, {app: installed[app] for app in requested if app in installed}, folder)
    apps = tuple(
        _app(app, records=installed.get(app, ()), on_disk=on_disk, running=running.get(app, ())) for app in requested
    )
    held = held_apps(root)
    apps = tuple(replace(app, held=True) if app.name in held else app for app in apps)
    return StatusReport(
        str(root.path),
        generation=generation.number,
        created=generation.created or None,
        apps=apps,
        lock=generation.lock,
    )


def with_latest(answer: StatusReport, context: Context) -> StatusReport:
    """The answer with the newest release of each app, or with the error of finding it."""
    tags = newest_tags([app.name for app in answer.apps], context)
    return replace(answer, apps=tuple(_latest(app, tags[app.name]) for app in answer.apps))


def _app(
    name: str,
    records: tuple[InstalledPart, ...],
    on_disk: Mapping[PartId, Installed],
    running: tuple[RunningProcess, ...],
) -> AppStatus:
    record = main(records)
    damage = tuple(sentence for record in records for sentence in on_disk[record.id].damage)
    bundles = tuple(InstalledBundle(r.id.bundle, r.origin.version, r.origin.used) for r in records if r.id.bundle)
    if record is None:
        return AppStatus(name, "absent", damage=damage, bundles=bundles)
    state: State = "damaged" if damage else "intact"
    origin = record.origin
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


def _latest(app: AppStatus, tag: str | HeroBuildError) -> AppStatus:
    if isinstance(tag, AppNotFound):
        return replace(app, trouble="recipe not found")
    if isinstance(tag, HeroBuildError):
        return replace(app, trouble=tag.message)
    return replace(app, latest=tag, outdated=app.version != tag if app.version and app.used == "download" else None)
