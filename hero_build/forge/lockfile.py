"""A lock file: the release of each app, written down, so that an install needs no request to find it.

{"schema": 1, "arch": "amd64", "forge": "https://forge.example", "apps": {"hero_db": {
   "repo": "lhumina_code/hero_db", "tag": "v0.3.2", "commit": null, "package": null, "assets": [
      {"name": "hero_db-linux-amd64-musl", "url": "…", "size": 5242880, "sha256": "…", "id": "…"}]}}}

Bundles are pinned beside the programs, since they may be of another release: an app may have
"bundles": {"shell": {"tag": "v0.3.2", "commit": null, "assets": […]}}, or "islands" in it. `assets` of an app that has
only bundles is empty.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hero_build.errors import ReleaseNotFound, UnsafeName, UsageError
from hero_build.forge.json_decode import Sha256, Size
from hero_build.forge.protocol import Body, Forge, Ref, no_release
from hero_build.model.artifacts import GenericPackage
from hero_build.model.installed import Phase
from hero_build.model.names import check_name, check_repo, check_tag
from hero_build.model.steps import Asset, Release
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.ownership import OTHER_FILE
from hero_build.system import packed
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import decode_json
from hero_build.system.regular_file import read_regular

_LARGEST = 64 << 20  # bytes
_SHOWN = 10  # apps, in a hint
Address = Annotated[str, Meta(pattern="^(https?://|file:///)")]


class Pin(Struct, frozen=True):
    """The release of an app's programs, shell or islands (`phase`), with the assets of those alone; `package` names the
    generic package whose files it stands for.
    """

    app: str
    release: Release
    package: GenericPackage | None = None
    phase: Phase = "install"


class Lock(Struct, frozen=True):
    """Pins for machines of one architecture (`amd64`), all from one forge."""

    arch: str
    forge: str
    pins: tuple[Pin, ...]


class LockedAsset(Struct, frozen=True, forbid_unknown_fields=True):
    """A size of 0, which no file has that can be installed, is an unknown size, as null is."""

    name: str
    url: Address
    size: Size | None
    sha256: Sha256 | None
    id: str


class LockedPackage(Struct, frozen=True, forbid_unknown_fields=True):
    """A generic package; its version is the tag of the app."""

    owner: str
    name: str


class LockedBundles(Struct, frozen=True, forbid_unknown_fields=True):
    """The shell or the islands of an app: their archives, and the islands.json that lists them, if there is one."""

    tag: str
    commit: str | None
    assets: tuple[LockedAsset, ...]


class LockedApp(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Programs, and bundles; an app that has only bundles has no assets, and the tag of the first ones."""

    repo: str
    tag: str
    commit: str | None
    package: LockedPackage | None
    assets: tuple[LockedAsset, ...]
    bundles: dict[Literal["shell", "islands"], LockedBundles] = {}


class LockDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The file itself; each app is a LockedApp, decoded one by one so that an error can name the app."""

    schema: Literal[1]
    arch: str
    forge: Address
    apps: dict[str, msgspec.Raw]


class LockfileForge:
    """The Forge over a lock file: finds without a request, and opens through `inner`, made when first needed.

    `file`: what a hint says to write again; None: the lock file is that of a pack.
    """

    def __init__(self, lock: Lock, inner: Callable[[], Forge], file: Path | None) -> None:
        self._url = lock.forge
        self._file = file
        self._pins = {(pin.phase, *_subject(pin.release.repo, pin.package)): pin for pin in lock.pins}
        self._apps = list(dict.fromkeys(pin.app for pin in lock.pins))
        self._make = inner
        self._inner: Forge | None = None
        self._mutex = threading.Lock()

    @property
    def url(self) -> str:
        return self._url

    def find(self, ref: Ref) -> Release:
        """Raises ReleaseNotFound for a release that the lock file does not pin."""
        tag = ref.package.version if ref.package else ref.tag
        subject = _subject(ref.repo, ref.package)
        pin = self._pins.get((ref.phase, *subject))
        if pin is None:
            what = "nothing" if ref.phase == "install" else f"no {ref.phase}"
            holder = "the lock file" if self._file else "this pack"
            raise ReleaseNotFound(f"{holder} holds {what} of {'/'.join(subject)}", self._pinned())
        if tag not in (None, pin.release.tag):
            raise no_release(f"the lock file, for {ref.repo},", str(tag), [pin.release.tag])
        return pin.release

    def _pinned(self) -> str:
        few = len(self._apps) <= _SHOWN
        shown = f"{', '.join(self._apps[:_SHOWN]) or 'no app'}{'' if few else ', …'}"
        names = " ".join([*self._apps, "APP"]) if few else "APP…"
        if self._file is None:
            return f"It has {shown}. A hero-build that is installed makes one with more: pack {names} -o FILE"
        return f"It pins {shown}. `hero-build lock {names} -o {quote(str(self._file))}` pins more."

    def open(self, asset: Asset, start: int = 0) -> AbstractContextManager[Body]:
        with self._mutex:
            if self._inner is None:
                self._inner = self._make()
        return self._inner.open(asset, start)


def read(path: Path) -> Lock:
    """Raises UsageError, which names the field that does not fit."""
    return parse(read_content(path), path)


def read_content(path: Path) -> bytes:
    """The bytes of a lock file, which are not looked at. Raises UsageError."""
    try:
        return read_regular(path, _LARGEST)
    except OSError as error:
        raise_for_machine(error, path)
        raise UsageError(f"the lock file {path} cannot be read: {error.strerror}", _unreadable(error, path)) from error


def parse(content: bytes, path: Path, *, hint: str | None = None) -> Lock:
    """The lock of the `content` of `path`. Raises UsageError, which names the field that does not fit."""
    try:
        return decode(content)
    except UnsafeName as error:
        raise UsageError(f"{path} is not a lock file: {error.message}", hint or _again(path)) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not a lock file: {error}", hint or _again(path)) from error


def _unreadable(error: OSError, path: Path) -> str:
    if path.parts[:1] in (("http:",), ("https:",)):
        return "It is read from this machine: fetch it first, and compare its sha256 with --digest."
    if isinstance(error, FileNotFoundError):
        return f"`hero-build lock APP… -o {quote(str(path))}` writes one."
    if isinstance(error, PermissionError):
        return "Make it readable for this user."
    return "Name a file that `hero-build lock` wrote."


def _again(path: Path) -> str:
    if str(path) == packed.lock():
        return f"Delete {path.parent}: the next command unpacks it again."
    return f"`hero-build lock APP… -o {quote(str(path))}` writes it again."


def write(path: Path, lock: Lock) -> None:
    """Raises NotWritable, DiskFull."""
    write_content(path, encode(lock))


def write_content(path: Path, content: bytes) -> None:
    """Replace a file by one rename, durably. Raises NotWritable, DiskFull."""
    with machine_errors(path.parent, OTHER_FILE):
        replace_file(path, content, durable=True)


def encode(lock: Lock) -> bytes:
    pins: dict[str, list[Pin]] = {}
    for pin in lock.pins:
        pins.setdefault(pin.app, []).append(pin)
    apps = {app: msgspec.Raw(msgspec.json.encode(_locked_app(items))) for app, items in pins.items()}
    document = LockDocument(1, arch=lock.arch, forge=lock.forge, apps=apps)
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def decode(content: bytes) -> Lock:
    """Raises ValueError, whose text names the field that does not fit, RecursionError, and UnsafeName."""
    document = decode_json(content, kind=LockDocument)
    pins = tuple(pin for app, raw in document.apps.items() for pin in _pins(app, raw, document.forge))
    _check_one_tag_each(pins)
    return Lock(document.arch, document.forge, pins)


def _check_one_tag_each(pins: Iterable[Pin]) -> None:
    tags: dict[tuple[str, ...], str] = {}
    for pin in pins:
        if tags.setdefault((pin.phase, *_subject(pin.release.repo, pin.package)), pin.release.tag) != pin.release.tag:
            raise ValueError(f"{pin.release.repo} is pinned to two different releases")


def _subject(repo: str, package: GenericPackage | None) -> tuple[str, ...]:
    """What a pin is of: a repo, or a package of it."""
    return (repo,) if package is None else (repo, package.owner, package.name)


def _locked_app(pins: Sequence[Pin]) -> LockedApp:
    first = next((pin for pin in pins if pin.phase == "install"), pins[0])
    release, package = first.release, first.package
    return LockedApp(
        repo=release.repo,
        tag=release.tag,
        commit=release.commit,
        package=LockedPackage(package.owner, package.name) if package else None,
        assets=_locked_assets(release) if first.phase == "install" else (),
        bundles={pin.phase: _locked_bundles(pin.release) for pin in pins if pin.phase != "install"},
    )


def _locked_bundles(release: Release) -> LockedBundles:
    return LockedBundles(release.tag, commit=release.commit, assets=_locked_assets(release))


def _locked_assets(release: Release) -> tuple[LockedAsset, ...]:
    return tuple(
        LockedAsset(asset.name, url=asset.url, size=asset.size or None, sha256=asset.sha256, id=asset.id)
        for asset in release.assets
    )


def _pins(app: str, raw: msgspec.Raw, forge: str) -> Iterator[Pin]:
    """The pins of an app: of its programs, unless it has only bundles, and of those."""
    try:
        locked = decode_json(raw, kind=LockedApp)
    except msgspec.ValidationError as error:
        raise ValueError(f"app {app}: {error}") from error
    check_repo(locked.repo)
    if locked.assets or not locked.bundles:
        yield _pin(app, locked, locked, phase="install", forge=forge)
    for phase, bundles in locked.bundles.items():
        yield _pin(app, locked, bundles, phase=phase, forge=forge)


def _pin(app: str, locked: LockedApp, content: LockedApp | LockedBundles, *, phase: Phase, forge: str) -> Pin:
    check_tag(content.tag)
    package = None
    if locked.package is not None:
        owner, name = check_name(locked.package.owner, "owner"), check_name(locked.package.name, "package")
        package = GenericPackage(owner, name, content.tag)
    assets = tuple(
        Asset(check_name(item.name, "asset"), url=item.url, size=item.size or None, id=item.id, sha256=item.sha256)
        for item in content.assets
    )
    release = Release(forge, repo=locked.repo, tag=content.tag, assets=assets, commit=content.commit)
    return Pin(app, release, package=package, phase=phase)
