"""The contents of a lock file at another place than the forge in it: a mirror behind http, a folder, another forge.

A lock pins contents. Below the place they are looked for by digest, then where a mirror has the release, then where a
Forgejo server has it; where the first one was found the next is looked for first.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from msgspec.structs import replace

from hero_build.errors import AssetNotFound, AuthError, HeroBuildError, NetworkError, UsageError
from hero_build.events import Emit, WarningRaised
from hero_build.forge.lockfile import Lock, Pin
from hero_build.forge.mirror_layout import PINNED, STORE, segment
from hero_build.forge.protocol import Body, Forge, Ref
from hero_build.forge.url import InvalidUrl, Url
from hero_build.model.artifacts import GenericPackage
from hero_build.model.steps import Asset, Release

_PLACE = "It takes https://HOST/PATH, or a folder."
Layout = Callable[[str, Asset, Pin | None], str | None]
"""The address of an asset below a place; None: it has none in this layout. Without a pin it is a library."""


class LockSource:
    """A Forge that serves the assets of `lock` from `place` (`place_address`), through `inner`, the forge there."""

    def __init__(self, lock: Lock, place: str, inner: Forge, emit: Emit) -> None:
        self._place = place
        self._emit = emit
        self._has_warned = False
        self._inner = inner
        self._pins = {asset.url: pin for pin in lock.pins for asset in pin.release.assets}
        self._layouts: tuple[Layout, ...] = (_by_digest, _in_mirror, _on_server, _as_pinned)

    @property
    def url(self) -> str:
        return self._place

    def find(self, ref: Ref) -> Release:
        return self._inner.find(ref)

    @contextmanager
    def open(self, asset: Asset, start: int = 0) -> Iterator[Body]:
        """Raises AssetNotFound where the place has it in no layout, and what the forge there raises."""
        with ExitStack() as stack:
            yield self._first(asset, start, stack)

    def _first(self, asset: Asset, start: int, stack: ExitStack) -> Body:
        refused: HeroBuildError | None = None
        pin = self._pins.get(asset.url)
        for layout in self._layouts:
            if (address := layout(self._place, asset, pin)) is None:
                continue
            try:
                body = stack.enter_context(self._inner.open(replace(asset, url=address), start))
            except AssetNotFound:
                continue
            except AuthError as error:  # a storage answers 403 for what it does not have
                refused = refused or error
                continue
            except NetworkError as error:
                error.hint = f"Check the network and its proxies, and the address in --at ({self._place})."
                raise
            if layout is _in_mirror and pin is not None:
                self._warn(asset)
            self._layouts = (layout, *(other for other in self._layouts if other is not layout))
            return body
        raise refused or self._missing(asset, pin)

    def _warn(self, asset: Asset) -> None:
        if not self._has_warned:
            self._has_warned = True
            sentence = f"{self._place}/{STORE} does not have {asset.name}: it comes from the folder of its release"
            self._emit(WarningRaised(sentence, "`hero-build mirror` adds what is missing to a mirror."))

    def _missing(self, asset: Asset, pin: Pin | None) -> AssetNotFound:
        what = f"{asset.name} of {pin.release.repo} {pin.release.tag}" if pin else asset.name
        app = f"{pin.app}@{pin.release.tag}" if pin else "APP"
        hint = f"`hero-build mirror {app} DIR` copies it into a mirror; --at may name another place."
        return AssetNotFound(f"{self._place} does not have {what}", hint)


def place_address(text: str) -> str:
    """What --at names as an address: `https://…`, `http://…`, or `file:///…` for a folder. Raises UsageError."""
    if not text:
        raise UsageError("--at is empty", "Leave it out to fetch from the forge in the lock file.")
    if "://" not in text:
        return Path(text).expanduser().absolute().as_uri()
    if not text.startswith(("https://", "http://", "file:///")) or not text.isprintable():
        raise UsageError(f"--at cannot fetch from {text!r}", _PLACE)
    if not text.startswith("file:"):
        _check_site(text)
    return text.rstrip("/")


def _check_site(text: str) -> None:
    """Raises UsageError."""
    try:
        url = Url(text)
    except InvalidUrl as error:
        raise UsageError(f"--at cannot fetch from {text!r}: {error}", _PLACE) from error
    if url.login:
        raise UsageError("the address in --at may not carry credentials", "Put the token into FORGEJO_TOKEN.")
    if set(text) & set("?#"):
        raise UsageError("the address in --at may not have a query", "It names a folder: leave out ? and #.")


def pack_file(place: str) -> Path | None:
    """The file that `place` names: a pack."""
    path = _local(place)
    return path if path is not None and path.is_file() else None


def _local(place: str) -> Path | None:
    """The path in the address of a folder or file of this machine."""
    return Path(unquote(urlsplit(place).path)) if place.startswith("file:") else None


def require_folder(place: str) -> None:
    """Raises NetworkError where `place` is a folder that does not exist."""
    folder = _local(place)
    if folder is not None and not folder.is_dir():
        raise NetworkError(f"the folder {folder} does not exist", "Is its disk mounted? --at names the folder.")


def release_address(asset: Asset, pin: Pin) -> str:
    """Where the forge of a release has one of its assets."""
    forge = pin.release.forge
    folder = _mirror_folder(pin) if forge.startswith("file:") else _server_folder(pin)
    return f"{forge}/{folder}/{quote(asset.name)}"


def _by_digest(place: str, asset: Asset, pin: Pin | None) -> str | None:
    return f"{place}/{STORE}/{asset.sha256}" if asset.sha256 else None


def _in_mirror(place: str, asset: Asset, pin: Pin | None) -> str | None:
    if pin is None:
        return f"{place}/{PINNED}/{asset.sha256}" if asset.sha256 else None
    return f"{place}/{_mirror_folder(pin)}/{quote(asset.name)}"


def _on_server(place: str, asset: Asset, pin: Pin | None) -> str | None:
    return f"{place}/{_server_folder(pin)}/{quote(asset.name)}" if pin else None


def _as_pinned(place: str, asset: Asset, pin: Pin | None) -> str | None:
    """A library's own address, as the recipe pins it; no network is asked beside a folder."""
    return None if pin or place.startswith("file:") else asset.url


def _mirror_folder(pin: Pin) -> str:
    tag = quote(segment(pin.release.tag))
    return _package(pin.package, tag) or f"{pin.release.repo}/{tag}"


def _server_folder(pin: Pin) -> str:
    tag = quote(pin.release.tag, safe="")
    return _package(pin.package, tag) or f"{pin.release.repo}/releases/download/{tag}"


def _package(package: GenericPackage | None, version: str) -> str:
    """The folder of a package's version; empty for a release."""
    if package is None:
        return ""
    return f"api/packages/{quote(package.owner, safe='')}/generic/{quote(package.name, safe='')}/{version}"
