"""Lock files: write what each app's release has for this machine, and open a Forge that serves it."""

from collections.abc import Mapping, Sequence
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
from hero_build.system.thread_pool import ThreadPool

if TYPE_CHECKING:
    from hero_build.forge.download_dir import DownloadDir

DOWNLOADS = "downloads"


class PinnedApp(Struct, frozen=True):
    """An app in a lock file; `assets` are those for this machine."""

    name: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]


class LockReport(Struct, frozen=True):
    """The pinned apps. If an app fails, nothing is written: a lock file contains every requested app.

    `existed`: the file was there before.
    """

    file: str
    arch: str
    forge: str
    written: bool
    apps: tuple[PinnedApp, ...]
    failed: tuple[Failure, ...]
    existed: bool = False

    @property
    def code(self) -> int:
        return exit_code(self.failed, 0)


def pin(apps: Sequence[str], versions: Mapping[str, str | None], file: Path, context: Context) -> LockReport:
    """Write the lock file of these apps' releases: the newest, or that in `versions`.

    Assets without a published digest are downloaded and hashed. Raises NotWritable, DiskFull, RootDamaged, Unsupported.
    """
    from hero_build.forge.download_dir import DownloadDir  # `open_lock` does not need it

    plans = plan([Request(app, "download", versions.get(app), checksum="if-present") for app in apps], context)
    with (
        DownloadDir(context.settings.cache / DOWNLOADS) as downloads,
        ThreadPool(context.settings.jobs, thread_name_prefix="pin") as pool,
    ):
        results = list(pool.map(lambda step: _pin(step, downloads, context), plans.steps))
    pins = tuple(result for result in results if isinstance(result, lockfile.Pin))
    failed = failures((*plans.failed, *(result for result in results if isinstance(result, Failed))))
    lock, existed = lockfile.Lock(machine_arch(), context.forge.url, pins), file.exists()
    if not failed:
        lockfile.write(file, lock)
    pinned = tuple(
        PinnedApp(item.app, repo=item.release.repo, tag=item.release.tag, assets=item.release.assets) for item in pins
    )
    return LockReport(
        str(file), arch=lock.arch, forge=lock.forge, written=not failed, apps=pinned, failed=failed, existed=existed
    )


def open_lock(file: Path, settings: Settings, emit: Emit) -> tuple[Forge, tuple[str, ...]]:
    """The Forge of a lock file, and the apps that it pins. Asks no forge. Raises UsageError.

    The token is used only if the settings name the same forge: a lock file may come from anyone.
    """
    lock = lockfile.read(file)
    if lock.arch != machine_arch():
        sentence = f"{file} was written on {lock.arch}, and this machine is {machine_arch()}"
        raise UsageError(sentence, "Write one here with `hero-build lock APP… -o FILE`.")
    if settings.source("forge") == "flag" and settings.forge != lock.forge:
        sentence = f"{file} pins files at {lock.forge}, and --forge names {settings.forge}"
        raise UsageError(sentence, "Leave out --forge, or write a lock file with `hero-build --forge URL lock APP…`.")
    lock_settings = replace(settings, forge=lock.forge, token=settings.token if settings.forge == lock.forge else None)
    return lockfile.LockfileForge(lock, lambda: open_forge(lock_settings, emit)), tuple(item.app for item in lock.pins)


def _pin(step: Step, downloads: "DownloadDir", context: Context) -> lockfile.Pin | Failed:
    facts = step.facts
    loaded = context.catalog.get(facts.app)
    try:
        with recipe_errors(loaded.path):
            package = loaded.recipe.package(None)
        if facts.release is None:
            raise ReleaseNotFound(f"{loaded.recipe.repo} has no release to pin", "Publish one first.")
        chosen = [selected for artifact, selected in facts.selected.items() if not isinstance(artifact, Library)]
        chosen += [SelectedAsset(facts.manifest, facts.manifest.sha256)] if facts.manifest else []
        assets = _with_digests(facts.app, tag=facts.release.tag, chosen=chosen, downloads=downloads, context=context)
        return lockfile.Pin(facts.app, replace(facts.release, assets=assets), package)
    except HeroBuildError as error:
        failed = Failed(facts.app, None, error)
        context.emit(PartFailed(failed))
        return failed


def _with_digests(
    app: str, tag: str, chosen: Sequence[SelectedAsset], downloads: "DownloadDir", context: Context
) -> tuple[Asset, ...]:
    """The assets with digests: the published ones, or those of the downloaded files. Raises SizeMismatch for an empty
    one.
    """
    unhashed_sizes = [selected.asset.size for selected in chosen if selected.sha256 is None]
    if unhashed_sizes:
        total = None if None in unhashed_sizes else sum(size or 0 for size in unhashed_sizes)
        context.emit(Started(PartId(app), verb="download and hash", version=tag, total=total))
    assets = tuple(_hashed(app, selected=item, downloads=downloads, context=context) for item in chosen)
    if unhashed_sizes:
        context.emit(Finished(PartId(app)))
    return assets


def _hashed(app: str, selected: SelectedAsset, downloads: "DownloadDir", context: Context) -> Asset:
    from hero_build.forge.transfer import empty_asset, fetch

    if selected.asset.size == 0:
        raise empty_asset(selected.asset)
    if selected.sha256:
        return replace(selected.asset, sha256=selected.sha256)

    def progress(size: int) -> None:
        context.emit(Transferred(PartId(app), size))

    download = fetch(
        context.forge, selected.asset, downloads, progress=progress, limits=context.limits, emit=context.emit
    )
    download.path.unlink()
    return replace(selected.asset, sha256=download.sha256, size=download.size)
