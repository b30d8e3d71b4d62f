"""Mirrors: complete releases, all platforms, verified and written as a directory that serves as a forge."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.recipe_facts import ask_recipe
from hero_build.context import Context
from hero_build.errors import AmbiguousAsset, HeroBuildError
from hero_build.events import Finished, PartFailed, Planning, Started, Transferred
from hero_build.forge import content_store
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.mirror_layout import (
    LATEST,
    OTHER_MIRROR,
    PINNED,
    publish,
    publish_package,
    publish_pinned,
    release_folder,
    repo_folder,
)
from hero_build.forge.transfer import Downloaded, fetch
from hero_build.model.artifacts import GenericPackage, Pinned
from hero_build.model.failure import Failure, exit_code, failures
from hero_build.model.installed import PartId
from hero_build.model.steps import Asset, Failed, Release
from hero_build.ops.write_lockfile import DOWNLOADS
from hero_build.ownership import OTHER_CACHE
from hero_build.pipeline.checksum_files import warn_of_uncompared
from hero_build.system.output_file import check_output_folder
from hero_build.system.thread_pool import ThreadPool
from hero_build.verify import checksums
from hero_build.verify.checksums import PublishedDigest

_SIGNATURES = (".minisig", ".sig", ".asc", ".sigstore", ".sigstore.json", ".pem")
"""How the names of files end that sign other files, and that no checksum file lists."""


class MirroredApp(Struct, frozen=True):
    """`files` and `bytes` count the release with its checksum files; `libraries` are the pinned ones."""

    name: str
    repo: str
    tag: str
    files: int
    bytes: int
    libraries: tuple[str, ...]


class MirrorReport(Struct, frozen=True):
    """`url`: the value of --forge to install from this mirror."""

    directory: str
    url: str
    apps: tuple[MirroredApp, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.apps))


def mirror(apps: Sequence[str], directory: Path, versions: Mapping[str, str | None], context: Context) -> MirrorReport:
    """Add these apps' releases (the newest, or that in `versions`) to a mirror. An app that fails leaves it unchanged.

    Raises NotWritable, DiskFull for the folder of downloads.
    """
    check_output_folder(directory, OTHER_MIRROR)
    with (
        DownloadDir(context.settings.cache / DOWNLOADS, OTHER_CACHE) as downloads,
        ThreadPool(context.settings.jobs, thread_name_prefix="mirror") as pool,
    ):
        writer = MirrorWriter(directory, versions=versions, context=context, downloads=downloads, pool=pool)
        results = [writer.app(app) for app in apps]
    mirrored = tuple(result for result in results if isinstance(result, MirroredApp))
    failed = failures([result for result in results if isinstance(result, Failed)])
    return MirrorReport(str(directory), url=directory.resolve().as_uri(), apps=mirrored, failed=failed)


class MirrorWriter(Struct, frozen=True):
    directory: Path
    versions: Mapping[str, str | None]
    context: Context
    downloads: DownloadDir
    pool: ThreadPool

    def app(self, app: str) -> MirroredApp | Failed:
        self.context.emit(Planning(app))
        try:
            return self._mirror(app, self.context.catalog.get(app))
        except HeroBuildError as error:
            failed = Failed(app, PartId(app), error)
            self.context.emit(PartFailed(failed))
            return failed

    def _mirror(self, app: str, loaded: LoadedRecipe) -> MirroredApp:
        release, package = self._find(loaded)
        pins = tuple(dict.fromkeys(pin for library in loaded.recipe.libraries for pin in library.pins))
        sizes = [asset.size for asset in release.assets]
        total = None if None in sizes or pins else sum(size or 0 for size in sizes)
        self.context.emit(Started(PartId(app), verb="mirror", version=release.tag, total=total))
        downloads = self._fetch_all(app, release)
        libraries = {pin.sha256: self._fetch(app, _asset(pin), pin.sha256) for pin in pins}
        self._publish(
            loaded.app, release=release, package=package, files={name: item.path for name, item in downloads.items()}
        )
        for digest, item in libraries.items():
            publish_pinned(self.directory, digest, item.path)
        folder = release_folder(self.directory, repo=release.repo, tag=release.tag, package=package)
        self._add_contents({folder / name: item.sha256 for name, item in downloads.items()})
        self._add_contents({self.directory / PINNED / digest: digest for digest in libraries})
        for item in (*downloads.values(), *libraries.values()):
            item.path.unlink()
        self.context.emit(Finished(PartId(app)))
        size = sum(item.size for item in downloads.values())
        names = tuple(library.name for library in loaded.recipe.libraries)
        return MirroredApp(app, repo=release.repo, tag=release.tag, files=len(downloads), bytes=size, libraries=names)

    def _find(self, loaded: LoadedRecipe) -> tuple[Release, GenericPackage | None]:
        ref = ask_recipe(loaded, version=self.versions.get(loaded.app)).ref
        release = self.context.forge.find(ref)
        names = [asset.name for asset in release.assets]
        if duplicates := sorted({name for name in names if names.count(name) > 1}):
            sentence = f"release {release.tag} of {release.repo} has two assets named {duplicates[0]}"
            raise AmbiguousAsset(sentence, "Delete all but one on the forge: a folder holds each name once.")
        return release, ref.package

    def _fetch_all(self, app: str, release: Release) -> Mapping[str, Downloaded]:
        """Every asset by name: first the checksum files, then the others, verified against those.

        Raises InvalidChecksumFile.
        """
        sums = [asset for asset in release.assets if checksums.is_checksum_file(asset.name)]
        rest = [asset for asset in release.assets if asset not in sums]
        checksum_files = self._fetch_parallel(app, sums, {})
        digests = checksums.published_digests(
            {asset.name: asset.sha256 for asset in rest if not asset.name.endswith(_SIGNATURES)},
            files=tuple(asset.name for asset in release.assets),
            read=lambda name: checksum_files[name].path.read_bytes(),
        )
        warn_of_uncompared(release, [asset for asset in rest if asset.name not in digests], self.context.emit)
        return {**checksum_files, **self._fetch_parallel(app, rest, digests)}

    def _fetch_parallel(
        self, app: str, assets: Sequence[Asset], digests: Mapping[str, PublishedDigest]
    ) -> dict[str, Downloaded]:
        sha256 = {name: digest.sha256 for name, digest in digests.items()}
        futures = [self.pool.submit(self._fetch, app, asset, sha256.get(asset.name)) for asset in assets]
        return {asset.name: future.result() for asset, future in zip(assets, futures, strict=True)}

    def _fetch(self, app: str, asset: Asset, sha256: str | None) -> Downloaded:
        progress = partial(_report_transfer, self.context, PartId(app))
        context = self.context
        return fetch(
            context.forge,
            asset,
            self.downloads,
            sha256=sha256,
            progress=progress,
            limits=context.limits,
            emit=context.emit,
        )

    def _add_contents(self, digests: Mapping[Path, str]) -> None:
        futures = [self.pool.submit(content_store.add, self.directory, path, sha) for path, sha in digests.items()]
        for future in futures:
            future.result()

    def _publish(self, app: str, release: Release, package: GenericPackage | None, files: Mapping[str, Path]) -> None:
        if package is not None:
            publish_package(self.directory, package=package, release=release, files=files)
            return
        first = not (repo_folder(self.directory, release.repo) / LATEST).exists()
        publish(self.directory, release, files, latest=first or self.versions.get(app) is None)


def _report_transfer(context: Context, part: PartId, size: int) -> None:
    context.emit(Transferred(part, size))


def _asset(pin: Pinned) -> Asset:
    return Asset(pin.url.rsplit("/", 1)[-1], pin.url, id=pin.sha256, sha256=pin.sha256)
