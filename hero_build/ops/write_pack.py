"""Packs: one executable file with hero-build, a lock file, the contents that it pins, and the recipes of its apps."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build import __version__
from hero_build.catalog.loader import LoadedRecipe
from hero_build.context import Context
from hero_build.errors import HeroBuildError, ReleaseNotFound
from hero_build.events import Finished, PartFailed, Planning, Started, Transferred
from hero_build.forge import lockfile
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.lockfile import Lock, Pin
from hero_build.forge.transfer import Downloaded, fetch
from hero_build.model.artifacts import Pinned, Platform, pin_of
from hero_build.model.failure import Failure, exit_code, failures
from hero_build.model.installed import PartId, Phase
from hero_build.model.steps import Asset, Failed
from hero_build.ops.open_lock import SIGNATURE_SUFFIX
from hero_build.ownership import OTHER_CACHE
from hero_build.pack import wheels
from hero_build.pack.archive import PackParts, write
from hero_build.pack.starter import PYTHONS
from hero_build.pack.tool_archive import tool_parts
from hero_build.pack.tool_source import python_archive, tool_files
from hero_build.platforms import machine_arch
from hero_build.system.packed import LOCK
from hero_build.system.thread_pool import ThreadPool

DOWNLOADS = "downloads"
_PART = PartId("hero-build")


class PackedApp(Struct, frozen=True):
    """An app's programs (`install`), shell or islands in a pack; `bytes` of their files and libraries."""

    name: str
    repo: str
    tag: str
    files: int
    bytes: int
    phase: Phase = "install"


class PackReport(Struct, frozen=True):
    """If an app fails, nothing is written: a pack contains every requested app. `python`: the versions it runs on."""

    file: str
    arch: str
    written: bool
    size: int
    python: tuple[str, ...]
    standalone: bool
    apps: tuple[PackedApp, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, 0)


class PackRequest(Struct, frozen=True):
    """`lock` pins the apps; `file` is what to write, with an interpreter (`standalone`) or without. `content`: the
    bytes of the lock file, if they are to stay as they are, and those of its signature.
    """

    lock: Lock
    file: Path
    content: bytes | None = None
    signature: bytes | None = None
    standalone: bool = False


def only(lock: Lock, apps: Sequence[str]) -> Lock:
    """The lock file with these apps alone. Raises ReleaseNotFound for one that it does not pin."""
    pinned = tuple(dict.fromkeys(pin.app for pin in lock.pins))
    for app in apps:
        if app not in pinned:
            hint = f"It pins {', '.join(pinned) or 'no app'}; without --locked the newest release is packed."
            raise ReleaseNotFound(f"the lock file does not pin {app}", hint)
    return replace(lock, pins=tuple(pin for app in apps for pin in lock.pins if pin.app == app))


def has_digests(lock: Lock) -> bool:
    """Whether every content is pinned: the lock file need not be written anew."""
    return all(asset.sha256 for pin in lock.pins for asset in pin.release.assets)


def pack(request: PackRequest, context: Context, failed: Sequence[Failure] = ()) -> PackReport:
    """Fetch what the lock file pins, and write the pack. `failed`: of apps that are not in it, so none is written.

    Raises MissingTool, NetworkError, AuthError, AssetNotFound, ToolFailed, NotWritable, DiskFull.
    """
    with (
        DownloadDir(context.settings.cache / DOWNLOADS, OTHER_CACHE) as downloads,
        ThreadPool(context.settings.jobs, thread_name_prefix="pack") as pool,
    ):
        packer = _Packer(context, downloads=downloads, pool=pool)
        results = [] if failed else [packer.app(pin) for pin in request.lock.pins]
        broken = (*failed, *failures([item for item in results if isinstance(item, Failed)]))
        apps = [item for item in results if isinstance(item, _FetchedApp)]
        size = 0 if broken else packer.write(request, apps)
    return PackReport(
        str(request.file),
        arch=request.lock.arch,
        written=not broken,
        size=size,
        python=tuple(f"{major}.{minor}" for major, minor in PYTHONS),
        standalone=request.standalone,
        apps=tuple(item.report() for item in apps),
        failed=tuple(broken),
    )


class _FetchedApp(Struct, frozen=True):
    pin: Pin
    recipe: LoadedRecipe
    files: Mapping[str, Downloaded]
    """By sha256."""

    def report(self) -> PackedApp:
        release, size = self.pin.release, sum(item.size for item in self.files.values())
        return PackedApp(
            self.pin.app,
            repo=release.repo,
            tag=release.tag,
            files=len(self.files),
            bytes=size,
            phase=self.pin.phase,
        )


class _Packer(Struct, frozen=True):
    context: Context
    downloads: DownloadDir
    pool: ThreadPool

    def app(self, pin: Pin) -> _FetchedApp | Failed:
        self.context.emit(Planning(pin.app))
        try:
            loaded = self.context.catalog.get(pin.app)
            programs = pin.phase == "install"
            libraries = [pin_of(item, _machine()) for item in loaded.recipe.libraries] if programs else []
            return self._fetch(pin, loaded, libraries)
        except HeroBuildError as error:
            failed = Failed(pin.app, None, error)
            self.context.emit(PartFailed(failed))
            return failed

    def write(self, request: PackRequest, apps: Sequence[_FetchedApp]) -> int:
        """Write the file, with a hero-build; its size."""
        self.context.emit(Started(_PART, verb="pack", version=__version__, total=None))
        pins = tuple(item.pin for item in apps)
        own = {LOCK: request.content or lockfile.encode(replace(request.lock, pins=pins))}
        own |= {f"{LOCK}{SIGNATURE_SUFFIX}": request.signature} if request.signature else {}
        cache = self.context.settings.cache
        tool = tool_parts(own, {item.pin.app: item.recipe for item in apps}, tool_files(cache))
        contents = {sha256: file.path for item in apps for sha256, file in item.files.items()}
        python = python_archive(cache) if request.standalone else None
        size = write(request.file, PackParts(tool, contents, python))
        self.context.emit(Finished(_PART))
        return size

    def _fetch(self, pin: Pin, loaded: LoadedRecipe, libraries: Sequence[Pinned]) -> _FetchedApp:
        assets = (*pin.release.assets, *(_library_asset(item) for item in libraries))
        sizes = [asset.size for asset in assets]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        self.context.emit(Started(PartId(pin.app), verb="pack", version=pin.release.tag, total=total))
        futures: list[Future[Downloaded]] = [self.pool.submit(self._download, pin.app, asset) for asset in assets]
        files = [future.result() for future in futures]
        self.context.emit(Finished(PartId(pin.app)))
        pinned = tuple(
            replace(asset, sha256=file.sha256, size=file.size)
            for asset, file in zip(pin.release.assets, files, strict=False)
        )
        release = replace(pin.release, assets=pinned)
        return _FetchedApp(replace(pin, release=release), recipe=loaded, files={file.sha256: file for file in files})

    def _download(self, app: str, asset: Asset) -> Downloaded:
        context = self.context

        def progress(size: int) -> None:
            context.emit(Transferred(PartId(app), size))

        return fetch(context.forge, asset, self.downloads, progress=progress, limits=context.limits, emit=context.emit)


def _machine() -> Platform:
    return Platform(machine_arch(), "gnu" if wheels.is_glibc() else "musl")


def _library_asset(pin: Pinned) -> Asset:
    return Asset(pin.url.rsplit("/", 1)[-1], pin.url, id=pin.sha256, sha256=pin.sha256)
