"""Parcels: made of files, held against the rules for names, and joined by the files that go with them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from hero_build.errors import PublicationRefused, machine_errors
from hero_build.model.artifacts import Binary
from hero_build.model.names import check_name
from hero_build.publish.types import ReleaseFile

CHECKSUMS, SIGNATURE, CHECKSUM_SUFFIX = "SHA256SUMS", "SHA256SUMS.minisig", ".sha256"
_RESERVED_NAMES = (CHECKSUMS, SIGNATURE, "release.json", "files.json")


def release_file(name: str, path: Path) -> ReleaseFile:
    """The file at `path` as the asset `name`; reads it once. Raises PublicationRefused where it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return ReleaseFile(name, path=path, sha256=digest, size=file.tell())
    except OSError as error:
        raise PublicationRefused(f"{path} cannot be read: {error.strerror}", "Was it built?") from error


def write_file(name: str, content: bytes, folder: Path) -> ReleaseFile:
    """A small file made for the release, kept in `folder` until it is uploaded. Raises NotWritable, DiskFull."""
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / check_name(name, "asset")
        path.write_bytes(content)
    return ReleaseFile(name, path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def validate_files(files: Sequence[ReleaseFile]) -> tuple[ReleaseFile, ...]:
    """The parcels themselves, if they can be a release. Raises UnsafeName; PublicationRefused for an empty file, for
    two of one name (servers keep both), and for names that hero-build or a mirror gives to files of its own.
    """
    seen: dict[str, ReleaseFile] = {}
    for item in files:
        check_name(item.name, "asset")
        if item.name in _RESERVED_NAMES or item.name.endswith(CHECKSUM_SUFFIX):
            raise PublicationRefused(f"an asset cannot be called {item.name}", "hero-build writes that file itself.")
        if item.size == 0:
            raise PublicationRefused(f"{item.name} is empty ({item.path})", "Build it again; nothing was published.")
        if item.name in seen:
            both = f"{seen[item.name].path} and {item.path}"
            sentence = f"two assets would be called {item.name}: {both}"
            raise PublicationRefused(sentence, "Give one of them another name in the recipe (asset_name).")
        seen[item.name] = item
    return tuple(files)


def with_legacy_names(
    files: Sequence[ReleaseFile], binaries: Iterable[Binary], asset_name: Callable[[str], str]
) -> tuple[ReleaseFile, ...]:
    """The parcels, and those of renamed binaries once more under the name from before, for old installers.

    `asset_name` gives the asset of a binary's name, canonical or former (a recipe's `asset_name` for one platform).
    """
    by_name = {item.name: item for item in files}
    return (*files, *_legacy_files(by_name, binaries, asset_name))


def with_checksums(files: Sequence[ReleaseFile], folder: Path) -> tuple[ReleaseFile, ...]:
    """Each parcel followed by its `<asset>.sha256`, written to `folder`. Raises NotWritable, DiskFull."""
    return tuple(made for item in files for made in (item, _checksum_file(item, folder)))


def render_checksums(digests: Iterable[tuple[str, str]]) -> bytes:
    """The content of SHA256SUMS for names and digests, sorted by name, in the form that `sha256sum -c` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests)).encode()


def is_checksum_file(name: str) -> bool:
    """Whether an asset only speaks of other assets: such a file is in no list of digests itself."""
    return name in (CHECKSUMS, SIGNATURE) or name.endswith(CHECKSUM_SUFFIX)


def _checksum_file(file: ReleaseFile, folder: Path) -> ReleaseFile:
    return write_file(f"{file.name}{CHECKSUM_SUFFIX}", f"{file.sha256}  {file.name}\n".encode(), folder)


def _legacy_files(
    by_name: dict[str, ReleaseFile], binaries: Iterable[Binary], asset_name: Callable[[str], str]
) -> Iterator[ReleaseFile]:
    for binary in binaries:
        found = by_name.get(asset_name(binary.name))
        if binary.formerly and found:
            yield ReleaseFile(asset_name(binary.formerly), path=found.path, sha256=found.sha256, size=found.size)
