"""A lock file: what each app's release was, written down, so that an install needs to ask no one.

{"schema": 1, "arch": "amd64", "forge": "https://forge.example", "apps": {"hero_db": {
   "repo": "lhumina_code/hero_db", "tag": "v0.3.2", "commit": null, "package": null, "assets": [
      {"name": "hero_db-linux-amd64-musl", "url": "…", "size": 5242880, "sha256": "…", "id": "…"}]}}}
"""

import json
import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from msgspec import Struct

from hero_build.errors import ReleaseNotFound, UnsafeName, UsageError, machine_errors
from hero_build.forge.protocol import Body, Forge, Ref, no_release
from hero_build.model.artifacts import GenericPackage
from hero_build.model.names import check_name, check_repo, check_tag, safe_name
from hero_build.model.steps import Asset, Release

SCHEMA = 1
_AGAIN = "Write it again with `hero-build lock APP… -o FILE`."
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Pin(Struct, frozen=True):
    """One app's release; `package` names the generic package whose files it stands for."""

    app: str
    release: Release
    package: GenericPackage | None = None


class Lock(Struct, frozen=True):
    """Pins for machines of one architecture (`amd64`), all from one forge."""

    arch: str
    forge: str
    pins: tuple[Pin, ...]


class LockfileForge:
    """The Forge over a lock file: finds without a request, and opens by way of `inner`, made when first needed."""

    def __init__(self, lock: Lock, inner: Callable[[], Forge]) -> None:
        self._url = lock.forge
        self._pins = {_subject(pin.release.repo, pin.package): pin for pin in lock.pins}
        self._make = inner
        self._inner: Forge | None = None
        self._mutex = threading.Lock()

    @property
    def url(self) -> str:
        return self._url

    def find(self, ref: Ref) -> Release:
        """Raises ReleaseNotFound for what the lock file does not hold."""
        wanted = ref.package.version if ref.package else ref.tag
        subject = _subject(ref.repo, ref.package)
        pin = self._pins.get(subject)
        if pin is None:
            raise ReleaseNotFound(f"the lock file holds nothing of {'/'.join(subject)}", _AGAIN)
        if wanted not in (None, pin.release.tag):
            raise no_release(f"the lock file, for {ref.repo},", str(wanted), [pin.release.tag])
        return pin.release

    def open(self, asset: Asset, start: int = 0) -> AbstractContextManager[Body]:
        with self._mutex:
            if self._inner is None:
                self._inner = self._make()
        return self._inner.open(asset, start)


def read(path: Path) -> Lock:
    """Raises UsageError with the place that does not fit."""
    try:
        return decode(json.loads(path.read_bytes()))
    except UnsafeName as error:
        raise UsageError(f"{path} is not a lock file: {error.message}", _AGAIN) from error
    except OSError as error:
        raise UsageError(f"the lock file {path} cannot be read: {error.strerror}", _AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not a lock file: {error}", _AGAIN) from error


def write(path: Path, lock: Lock) -> None:
    """Raises NotWritable, DiskFull."""
    part = path.with_name(f".{path.name}.part")
    with machine_errors(path.parent):
        part.write_text(json.dumps(encode(lock), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)


def encode(lock: Lock) -> dict[str, Any]:
    return {"schema": SCHEMA, "arch": lock.arch, "forge": lock.forge, "apps": {pin.app: _pin(pin) for pin in lock.pins}}


def decode(document: object) -> Lock:
    """Raises ValueError, whose text names the place that does not fit, and UnsafeName."""
    top = _object(document, "the document", {"schema", "arch", "forge", "apps"})
    if top["schema"] != SCHEMA:
        raise ValueError(f"its schema is {top['schema']!r}, and {SCHEMA} is the one that is known")
    forge = _text(top, "forge", "the document")
    apps = _object(top["apps"], "apps", None)
    pins = tuple(_read(app, apps[app], forge) for app in apps)
    tags: dict[tuple[str, ...], str] = {}
    for pin in pins:
        if tags.setdefault(_subject(pin.release.repo, pin.package), pin.release.tag) != pin.release.tag:
            raise ValueError(f"{pin.release.repo} is pinned twice, and not to the same release")
    return Lock(_text(top, "arch", "the document"), forge, pins)


def _subject(repo: str, package: GenericPackage | None) -> tuple[str, ...]:
    """What a pin is of: a repo, or a package of it."""
    return (repo,) if package is None else (repo, package.owner, package.name)


def _pin(pin: Pin) -> dict[str, Any]:
    release, package = pin.release, pin.package
    fields = ("name", "url", "size", "sha256", "id")
    return {
        "repo": release.repo,
        "tag": release.tag,
        "commit": release.commit,
        "package": {"owner": package.owner, "name": package.name} if package else None,
        "assets": [{field: getattr(asset, field) for field in fields} for asset in release.assets],
    }


def _read(app: str, value: object, forge: str) -> Pin:
    pin = _object(value, app, {"repo", "tag", "commit", "package", "assets"})
    repo, tag = _text(pin, "repo", app), _text(pin, "tag", app)
    check_repo(repo)
    check_tag(tag)
    if not isinstance(pin["assets"], list):
        raise ValueError(f"{app}: its assets are no list")
    assets = tuple(_asset(item, app) for item in pin["assets"])
    commit = _text(pin, "commit", app) if pin["commit"] is not None else None
    package = None
    if pin["package"] is not None:
        told = _object(pin["package"], app, {"owner", "name"})
        owner, name = _text(told, "owner", app), _text(told, "name", app)
        package = GenericPackage(check_name(owner, "owner"), check_name(name, "package"), tag)
    return Pin(app, Release(forge, repo=repo, tag=tag, assets=assets, commit=commit), package)


def _asset(value: object, app: str) -> Asset:
    item = _object(value, f"an asset of {app}", {"name", "url", "size", "sha256", "id"})
    name, url, size, sha256 = _text(item, "name", app), _text(item, "url", app), item["size"], item["sha256"]
    if not safe_name(name):
        raise ValueError(f"{app}: {name!r} cannot be the name of an asset")
    if not url.startswith(("https://", "http://", "file:///")):
        raise ValueError(f"{app}: {url!r} is no address of an asset")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ValueError(f"{app}: {size!r} cannot be the size of {name}")
    if sha256 is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise ValueError(f"{app}: {sha256!r} is not the sha256 of {name}")
    return Asset(name, url=url, size=size, id=_text(item, "id", app), sha256=sha256)


def _object(value: object, what: str, keys: set[str] | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    if keys is not None and set(value) != keys:
        odd = ", ".join(sorted(map(repr, keys.symmetric_difference(value))))
        raise ValueError(f"{what} has missing or unknown keys: {odd}")
    return value


def _text(item: dict[str, Any], key: str, what: str) -> str:
    value = item[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} of {what} is {value!r}")
    return value
