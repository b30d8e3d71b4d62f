"""A whole .tar.gz into a folder of its own, after the archive's digest was checked. Nothing in it is believed.

Regular files and folders only: any link is refused, wherever it leads, and so are devices and pipes. Files lie at the
top of the archive, or all below one folder that has the bundle's name, which is then left out.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from gzip import GzipFile
from pathlib import Path
from typing import IO, cast

from hero_build.errors import NotTheBundle, machine_errors
from hero_build.verify import folder, magic
from hero_build.verify.bounded import AT_ONCE, Bounded, Refused, damaged, limit
from hero_build.verify.folder import Astray, Found

_KINDS = {
    tarfile.SYMTYPE: "a link",
    tarfile.LNKTYPE: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


def unpack(archive: Path, bundle: str, name: str) -> tuple[Found, ...]:
    """The files of the archive (`name` in errors), written to the new folder `<archive>.tree` beside it.

    They are not fsynced yet. Raises NotTheBundle, after which the folder is gone; DiskFull, NotWritable.
    """
    tree = beside(archive)
    try:
        with machine_errors(tree.parent):
            _clear(tree)
            tree.mkdir()
            return _without_folder(_unpacked(archive, tree), bundle)
    except BaseException as error:
        shutil.rmtree(tree, ignore_errors=True)
        if isinstance(error, Refused):
            raise NotTheBundle(f"{name} {error}", error.hint) from error
        raise


def beside(archive: Path) -> Path:
    """The folder that an archive is unpacked to."""
    return archive.with_name(archive.name + ".tree")


def _clear(tree: Path) -> None:
    """What an interrupted run left there goes; a link is not followed."""
    if tree.is_dir() and not tree.is_symlink():
        shutil.rmtree(tree)
    else:
        tree.unlink(missing_ok=True)


def _unpacked(archive: Path, tree: Path) -> tuple[Found, ...]:
    with damaged(magic.WRONG), archive.open("rb") as stream:
        head = stream.read(magic.HEAD)
        stream.seek(0)
        if not head.startswith(b"\x1f\x8b"):
            kind = magic.describe(head)
            raise Refused(f"is {kind.words}, not a .tar.gz archive", kind.hint)
        with GzipFile(fileobj=stream) as plain:
            bounded = Bounded(plain, limit(archive), "bundle", magic.WRONG)
            found = tuple(_members(bounded, tree))
            while bounded.read(AT_ONCE):  # to the end, where gzip's own checksum is
                pass
    return tuple(sorted(found, key=lambda item: item.name))


def _members(bounded: Bounded, tree: Path) -> Iterator[Found]:
    folders: set[str] = set()
    files: set[str] = set()
    tar = tarfile.TarFile(fileobj=cast("IO[bytes]", bounded))
    for count, info in enumerate(tar):
        if count == folder.FILES_MAX:
            raise Refused(f"has more than {folder.FILES_MAX} files and folders", magic.WRONG)
        if info.isdir() and info.name in (".", "./"):
            continue
        name = _place(info, files, folders)
        if info.isdir():
            folders.add(name)
        else:
            files.add(name)
            yield _write(cast("IO[bytes]", tar.extractfile(info)), name, tree)
    if len(bounded.last) < tarfile.BLOCKSIZE or any(bounded.last):  # tarfile itself takes that for an end, too
        raise Refused("is a damaged archive: it does not end where its last file does", magic.WRONG)


def _place(info: tarfile.TarInfo, files: set[str], folders: set[str]) -> str:
    """The member's name, when it is one that may be written. Notes the folders it needs. Raises Refused."""
    try:
        name = folder.check(info.name)
    except Astray as error:
        raise Refused(str(error), magic.WRONG) from error
    if not info.isdir() and (not info.isreg() or info.issparse()):
        raise Refused(f"has {name!r} in it, which is {_KINDS.get(info.type, 'no regular file')}", magic.WRONG)
    above = {"/".join(name.split("/")[:depth]) for depth in range(1, name.count("/") + 1)}
    if name in files or above & files or (name in folders and not info.isdir()):
        raise Refused(f"has {name!r} in it twice", magic.WRONG)
    folders |= above
    return name


def _write(content: IO[bytes], name: str, tree: Path) -> Found:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as out:
        while piece := content.read(AT_ONCE):
            out.write(piece)
            digest.update(piece)
            size += len(piece)
    return Found(name, path, digest.hexdigest(), size)


def _without_folder(found: tuple[Found, ...], bundle: str) -> tuple[Found, ...]:
    tops = {item.name.partition("/")[0] for item in found}
    if len(tops) != 1 or "/" not in found[0].name:
        return found
    if tops != {bundle}:
        raise Refused(f"has everything below the folder {tops.pop()!r}", f"Below {bundle!r} it may be, or at the top.")
    return tuple(replace(item, name=item.name.removeprefix(f"{bundle}/")) for item in found)
