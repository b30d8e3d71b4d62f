"""The layout of a mirror on disk (contract), and how a release is written into one.

    <dir>/<owner>/<repo>/<tag>/release.json, <files>       the API's own document, and the release's files
    <dir>/<owner>/<repo>/latest                            names the newest tag
    <dir>/api/packages/<owner>/generic/<name>/<version>/   files.json (optional) and the files of a package
    <dir>/_pinned/<sha256>                                 libraries that recipes pin by address and digest
    <dir>/_store/<sha256>, <sha256>.zst                    every content by its digest; see content_store.py

A tag is quoted as in an address: `a/b` is the folder `a%2Fb`.
"""

import errno
import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from msgspec import to_builtins
from msgspec.structs import replace

from hero_build.errors import UnsafeName
from hero_build.forge.api_documents import PackageFile, from_release
from hero_build.model.artifacts import GenericPackage
from hero_build.model.names import check_name, check_repo, check_tag
from hero_build.model.steps import Release
from hero_build.os_errors import machine_errors
from hero_build.system.atomic_file import replace_file
from hero_build.system.fsync import fsync, make_folder

OTHER_MIRROR = "another folder for the mirror"
RELEASE, LATEST, FILES, PINNED, STORE = "release.json", "latest", "files.json", "_pinned", "_store"


def segment(name: str) -> str:
    """A tag or a version as the name of one folder."""
    return quote(name, safe="+@")


def repo_folder(directory: Path, repo: str) -> Path:
    owner, name = check_repo(repo)
    return directory / owner / name


def release_folder(directory: Path, repo: str, tag: str, package: GenericPackage | None = None) -> Path:
    """Where the files of a release lie, or those of a generic package. Raises UnsafeName."""
    return package_folder(directory, package) if package else repo_folder(directory, repo) / segment(check_tag(tag))


def package_folder(directory: Path, package: GenericPackage) -> Path:
    owner, name = check_name(package.owner, "owner"), check_name(package.name, "package")
    version = segment(check_name(package.version, "version"))
    return directory / "api" / "packages" / owner / "generic" / name / version


def publish(directory: Path, release: Release, files: Mapping[str, Path], *, latest: bool) -> None:
    """Put a release into the mirror at `directory`: those of its assets that are in `files`, copied from there.

    The release's folder appears with one rename, and so does the name of the newest. Raises UnsafeName, NotWritable,
    DiskFull.
    """
    home = repo_folder(directory, release.repo)
    if release.tag == LATEST:
        raise UnsafeName(f"a mirror cannot hold a release {LATEST!r}", "It has its own file of that name.")
    assets = tuple(asset for asset in release.assets if asset.name in files)
    _replace_folder(
        home / segment(check_tag(release.tag)),
        files={asset.name: files[asset.name] for asset in assets},
        listing=RELEASE,
        document=from_release(replace(release, assets=assets)),
    )
    if latest:
        set_latest(directory, release.repo, release.tag)


def set_latest(directory: Path, repo: str, tag: str) -> None:
    """Mark `tag` as the newest release of `repo`. Raises NotWritable, DiskFull."""
    with machine_errors(directory, OTHER_MIRROR):
        replace_file(repo_folder(directory, repo) / LATEST, f"{tag}\n".encode(), durable=True)


def move_into_place(folder: Path, place: Path) -> None:
    """Move the folder of a release or package from another mirror on the same filesystem to its `place` in this one;
    a rename replaces an existing folder. Raises NotWritable.
    """
    with machine_errors(place.parent, OTHER_MIRROR):
        make_folder(place.parent)
        new_folder = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
        try:
            folder.rename(new_folder)
            _swap_in(new_folder, place)
        finally:
            shutil.rmtree(new_folder, ignore_errors=True)


def publish_package(directory: Path, package: GenericPackage, release: Release, files: Mapping[str, Path]) -> None:
    """Put the files of a generic package, found as `release`, into the mirror. Raises as `publish` does."""
    assets = [asset for asset in release.assets if asset.name in files]
    _replace_folder(
        package_folder(directory, package),
        files={asset.name: files[asset.name] for asset in assets},
        listing=FILES,
        document=tuple(PackageFile(asset.name, size=asset.size, sha256=asset.sha256) for asset in assets),
    )


def publish_pinned(directory: Path, sha256: str, path: Path) -> None:
    """Put a library that a recipe pins into the mirror. Raises as `publish` does."""
    with machine_errors(directory, OTHER_MIRROR):
        make_folder(directory / PINNED)
        _copy(path, directory / PINNED / check_name(sha256, "pinned file"))
        fsync(directory / PINNED)


def _replace_folder(place: Path, files: Mapping[str, Path], listing: str, document: object) -> None:
    """Write a folder beside `place`, then replace `place` with it."""
    for name in files:
        if check_name(name, "asset") == listing:
            raise UnsafeName(f"a mirror cannot hold an asset {name!r}", "It has its own file of that name.")
    with machine_errors(place.parent, OTHER_MIRROR):
        make_folder(place.parent)
        new_folder = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
        try:
            for name, path in files.items():
                _copy(path, new_folder / name)
            content = json.dumps(to_builtins(document), indent=2).encode() + b"\n"
            replace_file(new_folder / listing, content, durable=True)
            new_folder.chmod(0o755)
            _swap_in(new_folder, place)
        finally:
            shutil.rmtree(new_folder, ignore_errors=True)


def _swap_in(new_folder: Path, place: Path) -> None:
    """Rename `new_folder` to `place`; an existing folder becomes `new_folder`, which the caller deletes.

    A folder in the lower layer of an overlay cannot be renamed (EXDEV): it is deleted in place, its document first.
    """
    old = new_folder.with_name(new_folder.name.replace(".new-", ".old-"))
    fsync(new_folder)
    if place.exists():
        _move_aside(place, old)
    new_folder.rename(place)
    fsync(place.parent)
    if old.exists():
        old.rename(new_folder)


def _move_aside(place: Path, old: Path) -> None:
    try:
        place.rename(old)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        for listing in (RELEASE, FILES):
            (place / listing).unlink(missing_ok=True)
        fsync(place)
        shutil.rmtree(place)


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        shutil.copyfile(source, part)
        fsync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
