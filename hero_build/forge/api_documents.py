"""The documents of the API as types: a release, and the files of a generic package (Forgejo's and Gitea's API, v1).

A server sends them and a mirror keeps them as files, so both implementations of Forge read them, and a mirror is
written from the same types. Fields that the API has and no type names are ignored.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from hero_build.errors import BadForgeResponse, UnsafeName
from hero_build.forge.asset_address import EXTERNAL
from hero_build.forge.json_decode import Size
from hero_build.model.artifacts import GenericPackage
from hero_build.model.names import check_tag, safe_name
from hero_build.model.steps import Asset, Release

_HEX = frozenset("0123456789abcdef")
_COMMIT, _SHA256 = 40, 64  # digits
_ANOTHER = "Choose another release with --version TAG, and report this one to its publisher."


class PackageFile(Struct, frozen=True):
    """A file of a generic package."""

    name: str
    size: Size | None = None
    sha256: str | None = None


class MirrorAsset(Struct, frozen=True):
    """An asset in a mirror's release.json; its file lies beside that document."""

    name: str
    size: Size | None = None
    uuid: str | None = None
    sha256: str | None = None

    @property
    def known_size(self) -> int | None:
        """The size, where the document says it."""
        return self.size


class ServerAsset(MirrorAsset, frozen=True, kw_only=True):
    """An asset as a server lists it; one of the type `external` is a link, whose size of 0 means nothing."""

    browser_download_url: str
    type: str | None = None

    @property
    def known_size(self) -> int | None:
        return None if self.type == EXTERNAL else self.size


A = TypeVar("A", bound=MirrorAsset)


class ReleaseDocument(Struct, Generic[A], frozen=True):
    """A release; `target_commitish` is a commit or the name of a branch, and `created_at` a time of RFC 3339."""

    tag_name: str
    target_commitish: str | None = None
    draft: bool | None = None
    prerelease: bool | None = None
    created_at: str | None = None
    assets: tuple[A, ...] | None = None


class ReleaseTag(Struct, frozen=True):
    """An item of the list of releases."""

    tag_name: str


class PackageVersion(Struct, frozen=True):
    """An item of the list of an owner's packages."""

    name: str
    version: str


def to_release(document: ReleaseDocument[A], forge: str, repo: str, url: Callable[[A], str]) -> Release:
    """The release of a document; `url` gives the address of an asset. Assets with unsafe names are left out."""
    commit = document.target_commitish or ""
    assets = tuple(
        Asset(item.name, url=url(item), size=item.known_size, id=item.uuid or "", sha256=_digest(item.sha256))
        for item in document.assets or ()
        if safe_name(item.name)
    )
    return Release(
        forge,
        repo=repo,
        tag=document.tag_name,
        assets=assets,
        commit=commit if len(commit) == _COMMIT and _HEX.issuperset(commit) else None,
        prerelease=document.prerelease or False,
        created=document.created_at or "",
    )


def from_release(release: Release) -> ReleaseDocument[MirrorAsset]:
    """The document of a release, without addresses; `to_release` turns it back into an equal value."""
    return ReleaseDocument(
        release.tag,
        target_commitish=release.commit or "",
        draft=False,
        prerelease=release.prerelease,
        created_at=release.created,
        assets=tuple(
            MirrorAsset(asset.name, size=asset.size, uuid=asset.id, sha256=asset.sha256) for asset in release.assets
        ),
    )


def unsafe_names(document: ReleaseDocument[A]) -> tuple[str, ...]:
    """The names of the assets that `to_release` leaves out: they could leave a folder or control a terminal."""
    return tuple(item.name for item in document.assets or () if not safe_name(item.name))


def package_release(
    files: tuple[PackageFile, ...], forge: str, repo: str, package: GenericPackage, url: Callable[[str], str]
) -> Release:
    """The files of a generic package as a release of `repo`; `url` gives a file's address from its name."""
    assets = tuple(_package_asset(file, url(file.name)) for file in files if safe_name(file.name))
    return Release(forge, repo=repo, tag=package.version, assets=assets)


def check_response_tag(tag: str, what: str) -> str:
    """`tag` itself. Raises BadForgeResponse, not UnsafeName, for an invalid one: the forge sent it."""
    try:
        return check_tag(tag)
    except UnsafeName as error:
        raise BadForgeResponse(f"{what} has an invalid tag: {tag[:80]!r}", _ANOTHER) from error


def _package_asset(file: PackageFile, url: str) -> Asset:
    digest = _digest(file.sha256)
    return Asset(file.name, url=url, size=file.size, id=digest or "", sha256=digest)


def _digest(text: str | None) -> str | None:
    return text if text and len(text) == _SHA256 and _HEX.issuperset(text) else None
