"""The API's own documents: a release, and the files of a generic package (Forgejo's and Gitea's API, version 1).

A mirror keeps them as files, so both implementations of the Forge read and one writes them. Whatever does not have
the shape that it should have raises BadForgeResponse.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from hero_build.errors import BadForgeResponse, UnsafeName
from hero_build.model.artifacts import GenericPackage
from hero_build.model.names import check_tag, safe_name
from hero_build.model.steps import Asset, Release

T = TypeVar("T")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANOTHER = "Name another release with --version TAG, and tell whoever published this one."
_HINT = "Is that a Forgejo server, or a mirror of one, and of a version that this hero-build knows?"


def release(document: object, forge: str, repo: str, address: Callable[[str], str] | None = None) -> Release:
    """The release of a document. `address` gives an asset's URL from its name; without it the document tells.

    Assets whose names could leave a folder or fool a terminal are left out.
    """
    what = f"the release of {repo}"
    commit = _of(document, key="target_commitish", kind=str, what=what, default="")
    items = [
        item
        for item in _of(document, key="assets", kind=list, what=what, default=[])
        if safe_name(_of(item, key="name", kind=str, what=what))
    ]
    return Release(
        forge,
        repo=repo,
        tag=_of(document, key="tag_name", kind=str, what=what),
        assets=tuple(_asset(item, what, address) for item in items),
        commit=commit if _COMMIT.fullmatch(commit) else None,
        prerelease=_of(document, key="prerelease", kind=bool, what=what, default=False),
        created=_of(document, key="created_at", kind=str, what=what, default=""),
    )


def unsafe(document: object) -> tuple[str, ...]:
    """The asset names that `release` leaves out."""
    names = (
        item.get("name")
        for item in _of(document, key="assets", kind=list, what="the release", default=[])
        if isinstance(item, dict)
    )
    return tuple(name for name in names if isinstance(name, str) and not safe_name(name))


def told_tag(tag: str, what: str) -> str:
    """`tag` itself, which a forge tells and nobody typed: so one that cannot be a tag is a BadForgeResponse."""
    try:
        return check_tag(tag)
    except UnsafeName as error:
        raise BadForgeResponse(f"{what} has a tag that cannot be one: {tag[:80]!r}", _ANOTHER) from error


def encoded(release: Release) -> dict[str, Any]:
    """The document of a release, without addresses: what `release` reads back into an equal value."""
    return {
        "tag_name": release.tag,
        "target_commitish": release.commit or "",
        "draft": False,
        "prerelease": release.prerelease,
        "created_at": release.created,
        "assets": [
            {"name": asset.name, "size": asset.size, "uuid": asset.id, "sha256": asset.sha256}
            for asset in release.assets
        ],
    }


def packaged(
    document: object, forge: str, repo: str, package: GenericPackage, address: Callable[[str], str]
) -> Release:
    """The files of a generic package as a release of `repo`; `address` gives a file's URL from its name."""
    what = f"the package {package.name}"
    assets = []
    for item in _list(document, what):
        name, digest = (
            _of(item, key="name", kind=str, what=what),
            _digest(_of(item, key="sha256", kind=str, what=what, default="")),
        )
        if safe_name(name):
            assets.append(Asset(name, url=address(name), size=_size(item, what), id=digest or "", sha256=digest))
    return Release(forge, repo=repo, tag=package.version, assets=tuple(assets))


def tags(document: object) -> tuple[str, ...]:
    """The tags of a list of releases."""
    return tuple(
        _of(item, key="tag_name", kind=str, what="a release") for item in _list(document, "the list of releases")
    )


def packages(document: object) -> tuple[tuple[str, str], ...]:
    """Name and version of each in a list of packages."""
    what = "the list of packages"
    return tuple(
        (_of(item, key="name", kind=str, what=what), _of(item, key="version", kind=str, what=what))
        for item in _list(document, what)
    )


def _asset(item: object, what: str, address: Callable[[str], str] | None) -> Asset:
    name = _of(item, key="name", kind=str, what=what)
    url = address(name) if address else _of(item, key="browser_download_url", kind=str, what=what)
    digest = _digest(_of(item, key="sha256", kind=str, what=what, default=""))
    return Asset(
        name, url=url, size=_size(item, what), id=_of(item, key="uuid", kind=str, what=what, default=""), sha256=digest
    )


def _size(item: object, what: str) -> int | None:
    size = _of(item, key="size", kind=int, what=what, default=None)
    if size is not None and (isinstance(size, bool) or size < 0):
        raise _misshapen(what, f"a size of {size!r}")
    return size


def _digest(text: str) -> str | None:
    return text if _SHA256.fullmatch(text) else None


def _list(document: object, what: str) -> list[object]:
    if not isinstance(document, list):
        raise _misshapen(what, f"{type(document).__name__} in place of a list")
    return document


_REQUIRED = object()


def _of(item: object, key: str, kind: type[T], what: str, default: Any = _REQUIRED) -> Any:
    """The value at `key`, of type `kind`; `default` where it is absent or null, if there is one."""
    if not isinstance(item, dict):
        raise _misshapen(what, f"{type(item).__name__} in place of an object")
    value = item.get(key)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, kind):
        raise _misshapen(what, f"{key} = {repr(value)[:80]}")
    return value


def _misshapen(what: str, how: str) -> BadForgeResponse:
    return BadForgeResponse(f"{what} is told in a shape that is not the API's: {how}", _HINT)
