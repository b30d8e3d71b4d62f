"""Mirrors: whole releases, every platform of them, proven and laid down as a directory that serves as a forge."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hero_build.artifact import Package, Pinned
from hero_build.ask import reference
from hero_build.catalog import Found
from hero_build.errors import AmbiguousAsset, HeroBuildError
from hero_build.events import Began, Broke, Finished, Moved, Planning
from hero_build.forge.inbox import Inbox
from hero_build.forge.shelves import LATEST, publish, publish_package, publish_pinned, repo_folder
from hero_build.forge.transfer import Arrived, fetch
from hero_build.model import Asset, Failed, Release
from hero_build.pinning import DOWNLOADS
from hero_build.record import PartId
from hero_build.tools import Tools
from hero_build.verify import checksums

_SUMS, _BESIDE = "SHA256SUMS", ".sha256"


@dataclass(frozen=True, slots=True)
class MirroredApp:
    """`files` and `bytes` are those of the release, checksum files included; `libraries` the pinned ones beside it."""

    name: str
    repo: str
    tag: str
    files: int
    bytes: int
    libraries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mirrored:
    """`url` is what --forge takes to install from this mirror."""

    directory: str
    url: str
    apps: tuple[MirroredApp, ...]
    failed: tuple[Failed, ...]


def mirror(apps: Sequence[str], directory: Path, version: str | None, tools: Tools) -> Mirrored:
    """Put these apps' releases (the newest, or `version`) into a mirror. An app that fails leaves it as it was.

    Raises NotWritable, DiskFull for the folder of downloads.
    """
    with (
        Inbox(tools.settings.cache / DOWNLOADS) as inbox,
        ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="mirror") as pool,
    ):
        work = _Work(directory, version, tools, inbox, pool)
        results = [work.app(app) for app in apps]
    done = tuple(result for result in results if isinstance(result, MirroredApp))
    failed = tuple(result for result in results if isinstance(result, Failed))
    return Mirrored(str(directory), directory.resolve().as_uri(), done, failed)


@dataclass(frozen=True, slots=True)
class _Work:
    directory: Path
    version: str | None
    tools: Tools
    inbox: Inbox
    pool: ThreadPoolExecutor

    def app(self, app: str) -> MirroredApp | Failed:
        self.tools.emit(Planning(app))
        try:
            return self._mirror(app, self.tools.catalog.get(app))
        except HeroBuildError as error:
            failed = Failed(app, PartId(app), error)
            self.tools.emit(Broke(failed))
            return failed

    def _mirror(self, app: str, found: Found) -> MirroredApp:
        release, package = self._find(found)
        pins = tuple(dict.fromkeys(pin for library in found.recipe.libraries for pin in library.pins))
        sizes = [asset.size for asset in release.assets]
        total = None if None in sizes or pins else sum(size or 0 for size in sizes)
        self.tools.emit(Began(PartId(app), "mirror", release.tag, total))
        arrived = self._fetch_all(app, release)
        libraries = {pin.sha256: self._fetch(app, _asset(pin), pin.sha256) for pin in pins}
        self._publish(release, package, {name: item.path for name, item in arrived.items()})
        for digest, item in libraries.items():
            publish_pinned(self.directory, digest, item.path)
        for item in (*arrived.values(), *libraries.values()):
            item.path.unlink()
        self.tools.emit(Finished(PartId(app)))
        size = sum(item.size for item in arrived.values())
        names = tuple(library.name for library in found.recipe.libraries)
        return MirroredApp(app, release.repo, release.tag, len(arrived), size, names)

    def _find(self, found: Found) -> tuple[Release, Package | None]:
        ref = reference(found, self.version)
        release = self.tools.forge.find(ref)
        names = [asset.name for asset in release.assets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            sentence = f"release {release.tag} of {release.repo} has two assets named {twice[0]}"
            raise AmbiguousAsset(sentence, "Delete all but one on the forge: a folder holds each name once.")
        return release, ref.package

    def _fetch_all(self, app: str, release: Release) -> Mapping[str, Arrived]:
        """Every asset by name: the checksum files first, the others held against what those say."""
        sums = [asset for asset in release.assets if asset.name == _SUMS or asset.name.endswith(_BESIDE)]
        rest = [asset for asset in release.assets if asset not in sums]
        arrived = self._side_by_side(app, sums, {})
        digests = dict(_told(arrived, [asset.name for asset in rest]))
        return {**arrived, **self._side_by_side(app, rest, digests)}

    def _side_by_side(self, app: str, assets: Sequence[Asset], digests: Mapping[str, str]) -> dict[str, Arrived]:
        futures = [self.pool.submit(self._fetch, app, asset, digests.get(asset.name)) for asset in assets]
        return {asset.name: future.result() for asset, future in zip(assets, futures, strict=True)}

    def _fetch(self, app: str, asset: Asset, sha256: str | None) -> Arrived:
        progress = partial(_moved, self.tools, PartId(app))
        tools = self.tools
        return fetch(
            tools.forge, asset, self.inbox, sha256=sha256, progress=progress, limits=tools.limits, emit=tools.emit
        )

    def _publish(self, release: Release, package: Package | None, files: Mapping[str, Path]) -> None:
        if package is not None:
            publish_package(self.directory, package, release, files)
            return
        first = not (repo_folder(self.directory, release.repo) / LATEST).exists()
        publish(self.directory, release, files, latest=first or self.version is None)


def _moved(tools: Tools, part: PartId, size: int) -> None:
    tools.emit(Moved(part, size))


def _asset(pin: Pinned) -> Asset:
    return Asset(pin.url.rsplit("/", 1)[-1], pin.url, id=pin.sha256, sha256=pin.sha256)


def _told(sums: Mapping[str, Arrived], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What the release's checksum files say, SHA256SUMS before those beside an asset. Raises ChecksumUnreadable."""
    listed = checksums.parse(sums[_SUMS].path.read_bytes(), _SUMS) if _SUMS in sums else {}
    for name in names:
        if name in listed:
            yield name, listed[name]
        elif (beside := sums.get(f"{name}{_BESIDE}")) is not None:
            yield name, checksums.parse_single(beside.path.read_bytes(), name)
