"""A directory that serves as a forge on machines without a network. mirror_layout.py defines and writes it."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from hero_build.errors import BadForgeResponse, NetworkError, ReleaseNotFound, RepoNotFound, UnsafeName
from hero_build.forge.api_documents import (
    MirrorAsset,
    PackageFile,
    ReleaseDocument,
    check_response_tag,
    package_release,
    to_release,
)
from hero_build.forge.json_decode import decode_json
from hero_build.forge.mirror_layout import FILES, LATEST, PINNED, RELEASE, STORE, package_folder, repo_folder, segment
from hero_build.forge.mirror_layout import publish as publish
from hero_build.forge.mirror_layout import publish_package as publish_package
from hero_build.forge.mirror_layout import publish_pinned as publish_pinned
from hero_build.forge.protocol import Body, Ref, no_file, no_release
from hero_build.model.artifacts import GenericPackage
from hero_build.model.names import check_name, check_tag, safe_name
from hero_build.model.steps import Asset, Release
from hero_build.os_errors import raise_for_machine
from hero_build.system.regular_file import FileTooLong, NotRegularFile, open_regular, read_regular

T = TypeVar("T")
_CHUNK = 1 << 20
_DOCUMENT_SIZE, _LATEST_SIZE = 8 << 20, 4096  # bytes
_REWRITE = "Write the mirror again with `hero-build mirror`."


class Mirror:
    """A forge at `file:///dir`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._folder = Path(unquote(urlsplit(url).path))

    @property
    def url(self) -> str:
        return self._url

    def find(self, ref: Ref) -> Release:
        """Raises NetworkError without the folder, RepoNotFound, ReleaseNotFound, UnsafeName, BadForgeResponse."""
        if not self._folder.is_dir():
            raise NetworkError(
                f"the mirror {self._folder} does not exist", "Is its disk mounted? Name it with --forge."
            )
        if ref.package is not None:
            return self._package(ref.repo, ref.package)
        home = repo_folder(self._folder, ref.repo)
        if not home.is_dir():
            if home.with_name(f"{home.name}.git").is_dir():  # its source is mirrored
                hint = "It can be built: `hero-build install APP --mode source`."
                raise ReleaseNotFound(f"the mirror has no release of {ref.repo}", hint)
            raise RepoNotFound(
                f"the mirror {self._folder} has no repository {ref.repo}",
                "`hero-build mirror APP DIR` puts an app into it.",
            )
        tag = self._latest(home, ref.repo) if ref.tag is None else check_tag(ref.tag)
        place = home / segment(tag)
        if not (place / RELEASE).exists():
            raise no_release(ref.repo, tag, _tags(home))
        document = self._read(place / RELEASE, ReleaseDocument[MirrorAsset])
        release = to_release(document, forge=self._url, repo=ref.repo, url=lambda asset: (place / asset.name).as_uri())
        if release.tag != tag:
            raise BadForgeResponse(f"{place / RELEASE} is the document of {release.tag[:80]!r}", _REWRITE)
        return release

    @contextmanager
    def open(self, asset: Asset, start: int = 0) -> Iterator[Body]:
        path = self._inside(self._path(asset))
        try:
            file = open_regular(path)
        except NotRegularFile as error:
            raise BadForgeResponse(f"{path} cannot be read: {error.strerror}", _REWRITE) from error
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise no_file(asset.name, str(path)) from error
        except OSError as error:
            raise_for_machine(error, path)
            raise NetworkError(f"{path} cannot be read: {error.strerror}", "Fix its permissions.") from error
        with file:
            status = os.fstat(file.fileno())
            position = min(start, status.st_size)
            file.seek(position)
            yield _FileBody(
                position, total=status.st_size, identity=f"{status.st_size}-{status.st_mtime_ns}", file=file
            )

    def _package(self, repo: str, package: GenericPackage) -> Release:
        place = package_folder(self._folder, package)
        if not place.is_dir():
            versions = sorted(unquote(path.name) for path in place.parent.glob("*")) if place.parent.is_dir() else []
            raise no_release(f"the package {package.owner}/{package.name}", package.version, versions)
        listing = place / FILES
        if listing.exists():
            files = self._read(listing, tuple[PackageFile, ...])
        else:
            paths = (path for path in sorted(place.iterdir()) if safe_name(path.name) and path.is_file())
            files = tuple(PackageFile(path.name, size=path.stat().st_size) for path in paths)
        return package_release(
            files, forge=self._url, repo=repo, package=package, url=lambda name: (place / name).as_uri()
        )

    def _latest(self, home: Path, repo: str) -> str:
        try:
            text = read_regular(self._inside(home / LATEST), _LATEST_SIZE).decode().strip()
        except FileNotFoundError:
            tags = ", ".join(_tags(home)) or "none"
            raise ReleaseNotFound(f"the mirror marks no release of {repo} as the newest", f"It has {tags}.") from None
        except (OSError, ValueError) as error:
            raise_for_machine(error, home / LATEST)
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise BadForgeResponse(f"{home / LATEST} cannot be read: {why}", _REWRITE) from error
        return check_response_tag(text, f"the newest release of {repo} in the mirror")

    def _path(self, asset: Asset) -> Path:
        """The file of an asset: at its own address, or by its digest if a recipe or lock file pins it elsewhere."""
        if not asset.url.startswith("file:"):
            if asset.sha256 is None:
                raise no_file(asset.name, str(self._folder))
            digest = check_name(asset.sha256, "pinned file")
            pinned = self._folder / PINNED / digest
            return pinned if pinned.exists() else self._folder / STORE / digest
        return Path(unquote(urlsplit(asset.url).path))

    def _inside(self, path: Path) -> Path:
        """`path`, links resolved. Raises UnsafeName when that is outside of the mirror."""
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL; a loop of links
            raise_for_machine(error, path)
            raise UnsafeName(f"{str(path)!r} is not a path in the mirror", _REWRITE) from error
        if not real.is_relative_to(self._folder.resolve()):
            raise UnsafeName(f"{str(path)!r} leads out of the mirror {self._folder}", _REWRITE)
        return real

    def _read(self, path: Path, kind: type[T]) -> T:
        try:
            content = read_regular(self._inside(path), _DOCUMENT_SIZE)
        except FileTooLong as error:
            raise BadForgeResponse(f"{path} is longer than {_DOCUMENT_SIZE >> 20} MiB", _REWRITE) from error
        except OSError as error:
            raise_for_machine(error, path)
            raise BadForgeResponse(f"{path} cannot be read: {error.strerror}", _REWRITE) from error
        return decode_json(content, kind=kind, what=str(path), hint=_REWRITE)


class _FileBody(Struct, frozen=True):
    start: int
    total: int
    identity: str
    file: FileIO

    def chunks(self) -> Iterator[memoryview]:
        view = memoryview(mmap.mmap(-1, _CHUNK))  # whole pages, as O_DIRECT needs them
        while size := self.file.readinto(view):
            yield view[:size]


def _tags(home: Path) -> list[str]:
    return sorted(unquote(path.name) for path in home.iterdir() if (path / RELEASE).exists())
