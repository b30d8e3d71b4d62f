"""Lock files: write what each app's release has for this machine."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import recipe_errors
from hero_build.catalog.recipe_facts import asset_names
from hero_build.context import Context
from hero_build.errors import HeroBuildError, ReleaseNotFound
from hero_build.events import Finished, PartFailed, Started, Transferred, WarningRaised
from hero_build.forge import lockfile
from hero_build.model.artifacts import Library, WasmBundle
from hero_build.model.failure import Failure, exit_code, failures
from hero_build.model.installed import PartId, Phase
from hero_build.model.steps import Asset, Failed, Part, Request, SelectedAsset
from hero_build.ops.install import Step, plan
from hero_build.ops.open_lock import signature_of
from hero_build.ownership import OTHER_CACHE
from hero_build.pipeline.artifact_set import find_asset
from hero_build.platforms import machine_arch
from hero_build.system.thread_pool import ThreadPool

if TYPE_CHECKING:
    from hero_build.forge.download_dir import DownloadDir
    from hero_build.publish.signing import Signer

DOWNLOADS = "downloads"


class PinnedApp(Struct, frozen=True):
    """An app's programs (`install`), shell or islands in a lock file; `assets` are those for this machine."""

    name: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]
    phase: Phase = "install"


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

    With them their shell, and the islands of an app that has those, where the release carries them. Assets without a
    published digest are downloaded and hashed. Raises NotWritable, DiskFull, RootDamaged, Unsupported.
    """
    plans = plan(_requests(apps, versions, context), context)
    with_shell = [step.facts.app for step in plans.steps if _has_shell(step, context)]
    shells = plan([_request(app, versions.get(app), phase="shell") for app in with_shell], context)
    pins, failed = pins_of((*plans.steps, *shells.steps), context)
    lock = lockfile.Lock(machine_arch(), context.forge.url, tuple(sorted(pins, key=lambda item: apps.index(item.app))))
    return write_lock(lock, failed=(*plans.failed, *shells.failed, *failed), file=file, signer=signer)


def _requests(apps: Sequence[str], versions: Mapping[str, str | None], context: Context) -> list[Request]:
    """Of each app the programs, or the islands of one that has no programs."""
    return [_request(app, versions.get(app), phase=_main_phase(app, context)) for app in apps]


def _request(app: str, version: str | None, phase: Phase) -> Request:
    return Request(app, "download", version, checksum="if-present", phase=phase)


def _main_phase(app: str, context: Context) -> Phase:
    try:
        return "islands" if context.catalog.get(app).recipe.islands else "install"
    except HeroBuildError:  # the plan reports it
        return "install"


def _has_shell(step: Step, context: Context) -> bool:
    """Whether the release has the shell that the recipe lists; without it, the lock file pins the programs alone."""
    loaded, release = context.catalog.get(step.facts.app), step.facts.release
    if release is None:
        return False
    for names in asset_names(loaded, loaded.recipe.bundles, step.facts.platform).values():
        if find_asset(release, names) is None:
            sentence = f"release {release.tag} of {release.repo} has no {names[0]}: the lock file has no shell of it"
            context.emit(WarningRaised(sentence, "`hero-build shell` installs one beside what is locked."))
            return False
    return bool(loaded.recipe.bundles)


def pins_of(steps: Sequence[Step], context: Context) -> tuple[tuple[lockfile.Pin, ...], tuple[Failed, ...]]:
    """The pins of planned releases, and what failed."""
    from hero_build.forge.download_dir import DownloadDir

    with (
        DownloadDir(context.settings.cache / DOWNLOADS, OTHER_CACHE) as downloads,
        ThreadPool(context.settings.jobs, thread_name_prefix="pin") as pool,
    ):
        results = list(pool.map(lambda step: _pin(step, downloads, context), steps))
    pins = tuple(result for result in results if isinstance(result, lockfile.Pin))
    return pins, tuple(result for result in results if isinstance(result, Failed))


def write_lock(
    lock: lockfile.Lock, *, failed: Sequence[Failed], file: Path, signer: "Signer | None" = None
) -> LockReport:
    """Write the file unless something failed. Raises NotWritable, DiskFull."""
    existed = file.exists()
    content = lockfile.encode(lock)
    if not failed:
        _write(file, content, signer)
    return LockReport(
        str(file),
        arch=lock.arch,
        forge=lock.forge,
        written=not failed,
        apps=tuple(map(_pinned_app, lock.pins)),
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
    release = item.release
    return PinnedApp(item.app, repo=release.repo, tag=release.tag, assets=release.assets, phase=item.phase)


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
        return lockfile.Pin(
            facts.app, replace(facts.release, assets=assets), package=package, phase=_phase(facts.parts)
        )
    except HeroBuildError as error:
        return pin_failed(facts.app, error, context)


def _phase(parts: Sequence[Part]) -> Phase:
    bundles = [artifact for part in parts for artifact in part.artifacts if isinstance(artifact, WasmBundle)]
    if not bundles:
        return "install"
    return "shell" if bundles[0].kind == "shell" else "islands"


def pin_failed(app: str, error: HeroBuildError, context: Context) -> Failed:
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
