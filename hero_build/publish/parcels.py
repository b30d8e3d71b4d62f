"""Parcels: made of files, held against the rules for names, and joined by the files that go with them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from hero_build.artifact import Binary
from hero_build.errors import PublicationRefused, machine_errors
from hero_build.names import check_name
from hero_build.publish.publication import Parcel

SUMS, SIGNATURE, BESIDE = "SHA256SUMS", "SHA256SUMS.minisig", ".sha256"
_OURS = (SUMS, SIGNATURE, "release.json", "files.json")


def parcel(name: str, path: Path) -> Parcel:
    """The file at `path` as the asset `name`; reads it once. Raises PublicationRefused where it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Parcel(name, path, digest, file.tell())
    except OSError as error:
        raise PublicationRefused(f"{path} cannot be read: {error.strerror}", "Was it built?") from error


def written(name: str, content: bytes, folder: Path) -> Parcel:
    """A small file made for the release, kept in `folder` until it is uploaded. Raises NotWritable, DiskFull."""
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / check_name(name, "asset")
        path.write_bytes(content)
    return Parcel(name, path, hashlib.sha256(content).hexdigest(), len(content))


def checked(parcels: Sequence[Parcel]) -> tuple[Parcel, ...]:
    """The parcels themselves, if they can be a release. Raises UnsafeName; PublicationRefused for an empty file, for
    two of one name (servers keep both), and for names that hero-build or a mirror gives to files of its own.
    """
    seen: dict[str, Parcel] = {}
    for item in parcels:
        check_name(item.name, "asset")
        if item.name in _OURS or item.name.endswith(BESIDE):
            raise PublicationRefused(f"an asset cannot be called {item.name}", "hero-build writes that file itself.")
        if item.size == 0:
            raise PublicationRefused(f"{item.name} is empty ({item.path})", "Build it again; nothing was published.")
        if item.name in seen:
            both = f"{seen[item.name].path} and {item.path}"
            sentence = f"two assets would be called {item.name}: {both}"
            raise PublicationRefused(sentence, "Give one of them another name in the recipe (asset_name).")
        seen[item.name] = item
    return tuple(parcels)


def with_legacy_names(
    parcels: Sequence[Parcel], binaries: Iterable[Binary], asset_name: Callable[[str], str]
) -> tuple[Parcel, ...]:
    """The parcels, and those of renamed binaries once more under the name from before, for old installers.

    `asset_name` gives the asset of a binary's name, canonical or former (a recipe's `asset_name` for one platform).
    """
    by_name = {item.name: item for item in parcels}
    return (*parcels, *_legacy(by_name, binaries, asset_name))


def with_checksums(parcels: Sequence[Parcel], folder: Path) -> tuple[Parcel, ...]:
    """Each parcel followed by its `<asset>.sha256`, written to `folder`. Raises NotWritable, DiskFull."""
    return tuple(made for item in parcels for made in (item, _beside(item, folder)))


def sums(digests: Iterable[tuple[str, str]]) -> bytes:
    """The content of SHA256SUMS for names and digests, sorted by name, in the form that `sha256sum -c` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests)).encode()


def about_others(name: str) -> bool:
    """Whether an asset only speaks of other assets: such a file is in no list of digests itself."""
    return name in (SUMS, SIGNATURE) or name.endswith(BESIDE)


def _beside(item: Parcel, folder: Path) -> Parcel:
    return written(f"{item.name}{BESIDE}", f"{item.sha256}  {item.name}\n".encode(), folder)


def _legacy(
    by_name: dict[str, Parcel], binaries: Iterable[Binary], asset_name: Callable[[str], str]
) -> Iterator[Parcel]:
    for binary in binaries:
        found = by_name.get(asset_name(binary.name))
        if binary.formerly and found:
            yield Parcel(asset_name(binary.formerly), found.path, found.sha256, found.size)
