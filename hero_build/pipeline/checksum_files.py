"""The digests that a release publishes, without reading again the checksum files of what is installed already.

A server gives each upload an id of its own and never changes its bytes: an asset that is replaced, the checksum file
too, has another id. So the content of a checksum file that was read once is kept in the cache under the address of the
forge and that id. It is believed only as far as it lists digests of installed, verified files, so that it can lead to
no other answer than that nothing changed; for anything that would be downloaded, the file is read anew.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hero_build.context import Context
from hero_build.errors import InvalidChecksumFile
from hero_build.events import Emit, WarningRaised
from hero_build.model.steps import Asset, Release
from hero_build.system.atomic_file import replace_file
from hero_build.system.regular_file import read_regular
from hero_build.system.sha256 import sha256_of
from hero_build.verify.checksums import PublishedDigest, is_checksum_file, published_digests, uncompared_files

_FOLDER = "checksums"
_LARGEST = 1 << 20  # bytes of a file that is kept
_MOST = 2000  # files
Digests = Mapping[str, PublishedDigest]


class _NotKept(Exception):
    """The cache does not have a file."""


def release_digests(
    release: Release, assets: Sequence[Asset], *, installed: frozenset[str], every_list: bool, context: Context
) -> Digests:
    """The digests of these assets, by name. `installed`: the digests of the assets that are installed; `every_list`:
    as for `published_digests`. Raises InvalidChecksumFile, ForgeError.
    """
    by_name = {asset.name: asset for asset in release.assets}
    if all(asset.sha256 for asset in assets) and not any(is_checksum_file(name) for name in by_name):
        return {asset.name: PublishedDigest(asset.sha256 or "", "the release itself") for asset in assets}

    def digests(read: Callable[[Asset], bytes]) -> Digests:
        return published_digests(
            {asset.name: asset.sha256 for asset in assets},
            files=tuple(by_name),
            read=lambda name: read(by_name[name]),
            every_list=every_list,
            installed=installed,
        )

    with suppress(_NotKept, InvalidChecksumFile):
        kept = digests(lambda asset: _read_kept(asset, context)) if installed else {}
        if len(kept) == len(assets) and all(digest.sha256 in installed for digest in kept.values()):
            return kept
    read = digests(lambda asset: _read(asset, context))
    warn_of_uncompared(release, [asset for asset in assets if asset.name not in read], context.emit)
    return read


def warn_of_uncompared(release: Release, assets: Sequence[Asset], emit: Emit) -> None:
    """Say which checksum files are not compared, of assets for which no other one is there."""
    names = [asset.name for asset in assets]
    if names and (files := uncompared_files(names, [asset.name for asset in release.assets])):
        are = "is" if len(files) == 1 else "are"
        sentence = f"{', '.join(files)} of {release.repo} {release.tag} {are} not compared: hero-build compares sha256"
        emit(
            WarningRaised(sentence, "Ask its publisher for SHA256SUMS; --checksum required refuses a release without.")
        )


def _read(asset: Asset, context: Context) -> bytes:
    from hero_build.forge.transfer import read_small

    content = read_small(context.forge, asset, limits=context.limits, emit=context.emit)
    if (path := _place(asset, context)) is not None and len(content) == asset.size:
        with suppress(OSError):  # without it, the file is read once more
            keep_checksums(path, content)
    return content


def keep_checksums(path: Path, content: bytes) -> None:
    """Write a checksum file into the cache. Raises OSError.

    One in 32, by its name, looks for files that are too many: for each it would be a part of the time to plan an app.
    """
    try:
        replace_file(path, content, mode=0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content, mode=0o600)
    if path.name < "08":
        _delete_oldest(path.parent)


def _read_kept(asset: Asset, context: Context) -> bytes:
    path = _place(asset, context)
    try:
        content = read_regular(path, _LARGEST) if path else b""
    except OSError as error:
        raise _NotKept from error
    if not content or len(content) != asset.size:
        raise _NotKept
    return content


def _place(asset: Asset, context: Context) -> Path | None:
    """Where a file is kept; None for one whose bytes its id does not fix: a link to another server has no size."""
    if not (asset.id and asset.size) or not context.forge.url.startswith(("http://", "https://")):
        return None
    key = sha256_of("\0".join((context.forge.url, asset.id, asset.name)).encode(errors="replace"))
    return context.settings.cache / _FOLDER / key[:32]


def _delete_oldest(folder: Path) -> None:
    names = os.listdir(folder)
    if len(names) > _MOST:
        paths = [folder / name for name in names]
        for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)[: len(paths) - _MOST // 2]:
            path.unlink(missing_ok=True)
