"""Lock files: what each app's release has for this machine, written down; and a Forge that reads it back."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import recipe_errors
from hero_build.context import Context
from hero_build.errors import HeroBuildError, ReleaseNotFound, UsageError
from hero_build.events import Emit, Finished, PartFailed, Started, Transferred
from hero_build.forge import lockfile, open_forge
from hero_build.forge.protocol import Forge
from hero_build.model.artifacts import Library
from hero_build.model.failure import Failure, exit_code, failures
from hero_build.model.installed import PartId
from hero_build.model.steps import Asset, Failed, Request, SelectedAsset
from hero_build.ops.install import Step, plan
from hero_build.platforms import machine_arch
from hero_build.settings import Settings

if TYPE_CHECKING:
    from hero_build.forge.download_dir import DownloadDir

DOWNLOADS = "downloads"


class PinnedApp(Struct, frozen=True):
    """An app as a lock file holds it; `assets` are those that this machine takes."""

    name: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]


class LockReport(Struct, frozen=True):
    """What was pinned. Nothing is written when an app failed: a lock file holds all that was asked for."""

    file: str
    arch: str
    forge: str
    written: bool
    apps: tuple[PinnedApp, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, 0)


def pin(apps: Sequence[str], file: Path, context: Context) -> LockReport:
    """Write the lock file of these apps' newest releases. An asset without a published digest is fetched and hashed.

    Raises NotWritable, DiskFull, RootDamaged, Unsupported.
    """
    from hero_build.forge.download_dir import DownloadDir  # not for whoever only opens a lock file

    todo = plan([Request(app, "download", checksum="if-present") for app in apps], context)
    with (
        DownloadDir(context.settings.cache / DOWNLOADS) as downloads,
        ThreadPoolExecutor(context.settings.jobs, thread_name_prefix="pin") as pool,
    ):
        results = list(pool.map(lambda step: _pin(step, downloads, context), todo.steps))
    pins = tuple(result for result in results if isinstance(result, lockfile.Pin))
    failed = failures((*todo.failed, *(result for result in results if isinstance(result, Failed))))
    lock = lockfile.Lock(machine_arch(), context.forge.url, pins)
    if not failed:
        lockfile.write(file, lock)
    named = tuple(
        PinnedApp(item.app, repo=item.release.repo, tag=item.release.tag, assets=item.release.assets) for item in pins
    )
    return LockReport(str(file), arch=lock.arch, forge=lock.forge, written=not failed, apps=named, failed=failed)


def open_lock(file: Path, settings: Settings, emit: Emit) -> tuple[Forge, tuple[str, ...]]:
    """The Forge over a lock file, and the apps that it pins. Asks nobody. Raises UsageError.

    The token goes along only when the settings name the same forge: a lock file may come from anyone.
    """
    lock = lockfile.read(file)
    if lock.arch != machine_arch():
        sentence = f"{file} was written on {lock.arch}, and this machine is {machine_arch()}"
        raise UsageError(sentence, "Write one here with `hero-build lock APP… -o FILE`.")
    if settings.source("forge") == "flag" and settings.forge != lock.forge:
        sentence = f"{file} pins files at {lock.forge}, and --forge names {settings.forge}"
        raise UsageError(sentence, "Leave out --forge, or write a lock file with `hero-build --forge URL lock APP…`.")
    there = replace(settings, forge=lock.forge, token=settings.token if settings.forge == lock.forge else None)
    return lockfile.LockfileForge(lock, lambda: open_forge(there, emit)), tuple(item.app for item in lock.pins)


def _pin(step: Step, downloads: "DownloadDir", context: Context) -> lockfile.Pin | Failed:
    facts = step.facts
    found = context.catalog.get(facts.app)
    try:
        with recipe_errors(found.path):
            package = found.recipe.package(None)
        if facts.release is None:
            raise ReleaseNotFound(f"there is no release of {found.recipe.repo} to pin", "Publish one first.")
        offers = [selected for artifact, selected in facts.selected.items() if not isinstance(artifact, Library)]
        offers += [SelectedAsset(facts.manifest, facts.manifest.sha256)] if facts.manifest else []
        assets = _proven(facts.app, tag=facts.release.tag, offers=offers, downloads=downloads, context=context)
        return lockfile.Pin(facts.app, replace(facts.release, assets=assets), package)
    except HeroBuildError as error:
        failed = Failed(facts.app, None, error)
        context.emit(PartFailed(failed))
        return failed


def _proven(
    app: str, tag: str, offers: Sequence[SelectedAsset], downloads: "DownloadDir", context: Context
) -> tuple[Asset, ...]:
    """The assets with digests: those that are published, and for the rest those of what is there now."""
    bare = [selected.asset.size for selected in offers if selected.sha256 is None]
    if bare:
        total = None if None in bare else sum(size or 0 for size in bare)
        context.emit(Started(PartId(app), verb="fetch and hash", version=tag, total=total))
    assets = tuple(_hashed(app, selected=selected, downloads=downloads, context=context) for selected in offers)
    if bare:
        context.emit(Finished(PartId(app)))
    return assets


def _hashed(app: str, selected: SelectedAsset, downloads: "DownloadDir", context: Context) -> Asset:
    if selected.sha256:
        return replace(selected.asset, sha256=selected.sha256)
    from hero_build.forge.transfer import fetch

    def progress(size: int) -> None:
        context.emit(Transferred(PartId(app), size))

    arrived = fetch(
        context.forge, selected.asset, downloads, progress=progress, limits=context.limits, emit=context.emit
    )
    arrived.path.unlink()
    return replace(selected.asset, sha256=arrived.sha256, size=arrived.size)
