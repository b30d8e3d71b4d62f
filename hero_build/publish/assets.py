"""Release files: read from disk, checked, and completed by legacy names and checksum files."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from hero_build.errors import PublicationRefused
from hero_build.model.artifacts import Binary
from hero_build.model.names import check_name
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.publish.types import ReleaseFile
from hero_build.system.regular_file import open_regular
from hero_build.verify import checksums

CHECKSUMS, SIGNATURE, CHECKSUM_SUFFIX = "SHA256SUMS", "SHA256SUMS.minisig", ".sha256"
_RESERVED_NAMES = (CHECKSUMS, SIGNATURE, "release.json", "files.json")


def release_file(name: str, path: Path) -> ReleaseFile:
    """The file at `path` as the asset `name`; reads it once. Raises PublicationRefused where it cannot be read."""
    try:
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return ReleaseFile(name, path=path, sha256=digest, size=file.tell())
    except OSError as error:
        raise_for_machine(error, path)
        raise PublicationRefused(f"{path} cannot be read: {error.strerror}", "Was it built?") from error


def write_file(name: str, content: bytes, folder: Path) -> ReleaseFile:
    """A small generated file, written to `folder` for the upload. Raises NotWritable, DiskFull."""
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / check_name(name, "asset")
        path.write_bytes(content)
    return ReleaseFile(name, path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def validate_files(files: Sequence[ReleaseFile]) -> tuple[ReleaseFile, ...]:
    """`files`, if they can be the assets of one release. Raises UnsafeName; PublicationRefused for an empty file, for
    two of one name (servers keep both), and for the names of files that hero-build or a mirror writes itself.
    """
    by_name: dict[str, ReleaseFile] = {}
    for file in files:
        check_name(file.name, "asset")
        if file.name in _RESERVED_NAMES or checksums.is_checksum_file(file.name):
            sentence = f"an asset cannot be called {file.name}"
            raise PublicationRefused(sentence, "hero-build writes and reads files of such names itself.")
        if file.size == 0:
            raise PublicationRefused(f"{file.name} is empty ({file.path})", "Build it again; nothing was published.")
        if file.name in by_name:
            both = f"{by_name[file.name].path} and {file.path}"
            sentence = f"two assets would be called {file.name}: {both}"
            raise PublicationRefused(sentence, "Give one of them another name in the recipe (asset_name).")
        by_name[file.name] = file
    return tuple(files)


def with_legacy_names(
    files: Sequence[ReleaseFile], binaries: Iterable[Binary], asset_name: Callable[[str], str]
) -> tuple[ReleaseFile, ...]:
    """The files, followed by those of renamed binaries under their former names, for old installers.

    `asset_name`: the name of the asset for a binary's current or former name.
    """
    by_name = {item.name: item for item in files}
    return (*files, *_legacy_files(by_name, binaries, asset_name))


def with_checksums(files: Sequence[ReleaseFile], folder: Path) -> tuple[ReleaseFile, ...]:
    """Each file followed by its `<asset>.sha256`, written to `folder`. Raises NotWritable, DiskFull."""
    return tuple(file for item in files for file in (item, _checksum_file(item, folder)))


def render_checksums(digests: Iterable[tuple[str, str]]) -> bytes:
    """SHA256SUMS for these names and digests, sorted by name, in the format of `sha256sum -c` (coreutils)."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests)).encode()


def is_checksum_file(name: str) -> bool:
    """Whether an asset only describes other assets: SHA256SUMS lists none of these."""
    return name == SIGNATURE or checksums.is_checksum_file(name)


def _checksum_file(file: ReleaseFile, folder: Path) -> ReleaseFile:
    return write_file(f"{file.name}{CHECKSUM_SUFFIX}", f"{file.sha256}  {file.name}\n".encode(), folder)


def _legacy_files(
    by_name: dict[str, ReleaseFile], binaries: Iterable[Binary], asset_name: Callable[[str], str]
) -> Iterator[ReleaseFile]:
    for binary in binaries:
        file = by_name.get(asset_name(binary.name))
        if binary.formerly and file:
            yield ReleaseFile(asset_name(binary.formerly), path=file.path, sha256=file.sha256, size=file.size)
