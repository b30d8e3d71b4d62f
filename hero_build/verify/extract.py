"""Unpacks a .tar.gz into its own folder, after the archive's digest was checked. Nothing in it is trusted.

Only regular files and folders are accepted; links, devices and pipes are refused. Files lie at the top of the archive,
or all in one folder that has the bundle's name, which is then removed from their names. AppleDouble files are skipped.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from gzip import GzipFile
from pathlib import Path
from typing import IO, cast

from msgspec.structs import replace

from hero_build.errors import InvalidBundle
from hero_build.os_errors import machine_errors
from hero_build.verify import bundle_files, sniff
from hero_build.verify.archive_limits import CHUNK, ArchiveRefused, BoundedReader, refuse_damage, size_limit
from hero_build.verify.bundle_files import BundleFile, UnsafeMember

_KINDS = {
    tarfile.SYMTYPE: "a link",
    tarfile.LNKTYPE: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


def unpack(archive: Path, bundle: str, name: str) -> tuple[BundleFile, ...]:
    """The files of the archive (`name` in errors), written to the new folder `<archive>.tree` beside it.

    They are not fsynced yet. Raises InvalidBundle, after which the folder is gone; DiskFull, NotWritable.
    """
    tree = unpack_folder(archive)
    try:
        with machine_errors(tree.parent):
            _remove(tree)
            tree.mkdir()
            return _strip_top_folder(_unpack_all(archive, tree), bundle)
    except BaseException as error:
        shutil.rmtree(tree, ignore_errors=True)
        if isinstance(error, ArchiveRefused):
            raise InvalidBundle(f"{name} {error}", error.hint) from error
        raise


def unpack_folder(archive: Path) -> Path:
    """The folder that an archive is unpacked to."""
    return archive.with_name(archive.name + ".tree")


def _remove(tree: Path) -> None:
    """Delete what an interrupted run left; a link is not followed."""
    if tree.is_dir() and not tree.is_symlink():
        shutil.rmtree(tree)
    else:
        tree.unlink(missing_ok=True)


def _unpack_all(archive: Path, tree: Path) -> tuple[BundleFile, ...]:
    with refuse_damage(sniff.BROKEN_RELEASE), archive.open("rb") as stream:
        head = stream.read(sniff.HEAD)
        stream.seek(0)
        if not head.startswith(b"\x1f\x8b"):
            kind = sniff.describe(head)
            raise ArchiveRefused(f"is {kind.words}, not a .tar.gz archive", kind.hint)
        with GzipFile(fileobj=stream) as plain:
            bounded = BoundedReader(plain, limit=size_limit(archive), noun="bundle", hint=sniff.BROKEN_RELEASE)
            files = tuple(_members(bounded, tree))
            while bounded.read(CHUNK):  # to the end, where gzip checks its own checksum
                pass
    return tuple(sorted(files, key=lambda item: item.name))


def _members(bounded: BoundedReader, tree: Path) -> Iterator[BundleFile]:
    folders: set[str] = set()
    files: set[str] = set()
    tar = tarfile.TarFile(fileobj=cast("IO[bytes]", bounded))
    for count, info in enumerate(tar):
        if count == bundle_files.FILES_MAX:
            raise ArchiveRefused(f"has more than {bundle_files.FILES_MAX} files and folders", sniff.BROKEN_RELEASE)
        if info.isdir() and info.name in (".", "./"):
            continue
        name = _member_name(info, files, folders)
        if info.isdir():
            folders.add(name)
        elif not bundle_files.is_apple_double(name):
            files.add(name)
            yield _write(cast("IO[bytes]", tar.extractfile(info)), name, tree)
    if len(bounded.last) < tarfile.BLOCKSIZE or any(bounded.last):  # tarfile accepts that as an end
        raise ArchiveRefused("is a damaged archive: it does not end where its last file does", sniff.BROKEN_RELEASE)


def _member_name(info: tarfile.TarInfo, files: set[str], folders: set[str]) -> str:
    """The member's name, if it may be written; adds its folders to `folders`. Raises ArchiveRefused."""
    try:
        name = bundle_files.check_member_name(info.name)
    except UnsafeMember as error:
        raise ArchiveRefused(str(error), sniff.BROKEN_RELEASE) from error
    if not info.isdir() and (not info.isreg() or info.issparse()):
        raise ArchiveRefused(
            f"contains {name!r}, which is {_KINDS.get(info.type, 'not a regular file')}", sniff.BROKEN_RELEASE
        )
    above = {"/".join(name.split("/")[:depth]) for depth in range(1, name.count("/") + 1)}
    if name in files or above & files or (name in folders and not info.isdir()):
        raise ArchiveRefused(f"contains {name!r} twice", sniff.BROKEN_RELEASE)
    folders |= above
    return name


def _write(content: IO[bytes], name: str, tree: Path) -> BundleFile:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as out:
        while chunk := content.read(CHUNK):
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return BundleFile(name, path=path, sha256=digest.hexdigest(), size=size)


def _strip_top_folder(files: tuple[BundleFile, ...], bundle: str) -> tuple[BundleFile, ...]:
    tops = {item.name.partition("/")[0] for item in files}
    if len(tops) != 1 or "/" not in files[0].name:
        return files
    if tops != {bundle}:
        raise ArchiveRefused(
            f"has all files in the folder {tops.pop()!r}", f"They must be in {bundle!r}, or at the top."
        )
    return tuple(replace(item, name=item.name.removeprefix(f"{bundle}/")) for item in files)
