"""Lock files: write what each app's release has for this machine."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog.loader import recipe_errors
from hero_build.context import Context
from hero_build.errors import ChecksumMismatch, HeroBuildError, ReleaseNotFound
from hero_build.events import Finished, PartFailed, Started, Transferred
from hero_build.forge import lockfile
from hero_build.model.artifacts import Library
from hero_build.model.failure import Failure, exit_code, failures
from hero_build.model.installed import InstalledPart, PartId
from hero_build.model.steps import Asset, Failed, Request, SelectedAsset
from hero_build.ops.install import Step, plan
from hero_build.ops.open_lock import signature_of
from hero_build.platforms import machine_arch
from hero_build.system.thread_pool import ThreadPool

if TYPE_CHECKING:
    from hero_build.forge.download_dir import DownloadDir
    from hero_build.publish.signing import Signer

DOWNLOADS = "downloads"


class PinnedApp(Struct, frozen=True):
    """An app in a lock file; `assets` are those for this machine."""

    name: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]


class LockReport(Struct, frozen=True):
    """The pinned apps. If an app fails, nothing is written: a lock file contains every requested app.

    `existed`: the file was there before. `digest`: the sha256 of the file, for `install --locked FILE --digest`;
    `signature`: the file with its minisign signature.
    """

    file: str
    arch: str
    forge: str
    written: bool
    apps: tuple[PinnedApp, ...]
    failed: tuple[Failure, ...]
    existed: bool = False
    digest: str | None = None
    signature: str | None = None

    @property
    def code(self) -> int:
        return exit_code(self.failed, 0)


def pin(
    apps: Sequence[str],
    versions: Mapping[str, str | None],
    file: Path,
    context: Context,
    signer: "Signer | None" = None,
) -> LockReport:
    """Write the lock file of these apps' releases: the newest, or that in `versions`; and its signature.

    Assets without a published digest are downloaded and hashed. Raises NotWritable, DiskFull, RootDamaged, Unsupported.
    """
    pins, failed = _find(apps, versions, context)
    return _report(pins, failed=failed, file=file, context=context, signer=signer)


def pin_installed(apps: Sequence[str], file: Path, context: Context, signer: "Signer | None" = None) -> LockReport:
    """Write the lock file of the releases that are installed of these apps. What is installed must be what the forge
    has under that tag, since an install from the file gets it from there. Raises as `pin`.
    """
    records = manifest.load(context.root.path).records
    parts = {app: records.get(PartId(app)) for app in apps}
    tags = {app: part.origin.tag for app, part in parts.items() if part and part.origin.used == "download"}
    refused = [_unpinnable(app, part, context) for app, part in parts.items() if app not in tags]
    pins, failed = _find(tuple(tags), tags, context)
    checked = [_as_installed(item, part, context) for item in pins if (part := parts[item.app])]
    failed = (*refused, *failed, *(item for item in checked if isinstance(item, Failed)))
    return _report(pins, failed=failed, file=file, context=context, signer=signer)


def _unpinnable(app: str, part: InstalledPart | None, context: Context) -> Failed:
    if part is None:
        error = ReleaseNotFound(f"{app} has only bundles, which a lock file does not pin", "Name the other apps.")
    else:
        sentence = f"{app} {part.origin.version} was built from source, and a lock file pins releases"
        hint = f"`hero-build install {app} --mode download` installs its newest release; or name the other apps."
        error = ReleaseNotFound(sentence, hint)
    return _failed(app, error, context)


def _as_installed(item: lockfile.Pin, part: InstalledPart, context: Context) -> lockfile.Pin | Failed:
    """The pin, if its files are those that are installed."""
    digests = {asset.name: asset.sha256 for asset in item.release.assets}
    other = [
        entry.name
        for entry in part.entries
        if entry.artifact != "library" and digests.get(entry.asset or "") != entry.asset_sha256
    ]
    if not other:
        return item
    sentence = f"{other[0]} of {item.app} {item.release.tag} at {context.forge.url} is not the file that is installed"
    hint = f"It was published again: `hero-build install {item.app}@{item.release.tag}` installs what is there now."
    return _failed(item.app, ChecksumMismatch(sentence, hint), context)


def _find(
    apps: Sequence[str], versions: Mapping[str, str | None], context: Context
) -> tuple[tuple[lockfile.Pin, ...], tuple[Failed, ...]]:
    """The pins of the releases of these apps, and what failed."""
    from hero_build.forge.download_dir import DownloadDir

    plans = plan([Request(app, "download", versions.get(app), checksum="if-present") for app in apps], context)
    with (
        DownloadDir(context.settings.cache / DOWNLOADS) as downloads,
        ThreadPool(context.settings.jobs, thread_name_prefix="pin") as pool,
    ):
        results = list(pool.map(lambda step: _pin(step, downloads, context), plans.steps))
    pins = tuple(result for result in results if isinstance(result, lockfile.Pin))
    return pins, (*plans.failed, *(result for result in results if isinstance(result, Failed)))


def _report(
    pins: Sequence[lockfile.Pin], *, failed: Sequence[Failed], file: Path, context: Context, signer: "Signer | None"
) -> LockReport:
    """Write the file unless something failed."""
    lock, existed = lockfile.Lock(machine_arch(), context.forge.url, tuple(pins)), file.exists()
    content = lockfile.encode(lock)
    if not failed:
        _write(file, content, signer)
    return LockReport(
        str(file),
        arch=lock.arch,
        forge=lock.forge,
        written=not failed,
        apps=tuple(map(_pinned_app, pins)),
        failed=failures(failed),
        existed=existed,
        digest=None if failed else hashlib.sha256(content).hexdigest(),
        signature=str(signature_of(file)) if signer and not failed else None,
    )


def _write(file: Path, content: bytes, signer: "Signer | None") -> None:
    """The lock file, and before it the signature, which lets nothing in that the key has not signed."""
    if signer is not None:
        comment = f"{file.name} sha256:{hashlib.sha256(content).hexdigest()}"
        lockfile.write_content(signature_of(file), signer.sign(content, comment))
    lockfile.write_content(file, content)


def _pinned_app(item: lockfile.Pin) -> PinnedApp:
    return PinnedApp(item.app, repo=item.release.repo, tag=item.release.tag, assets=item.release.assets)


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
        return _failed(facts.app, error, context)


def _failed(app: str, error: HeroBuildError, context: Context) -> Failed:
    failed = Failed(app, None, error)
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
