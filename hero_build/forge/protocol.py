"""The Protocol of everything that serves releases (a Forgejo server, a mirror, a lock file), and its errors."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from hero_build.errors import AssetNotFound, ReleaseNotFound
from hero_build.model.artifacts import GenericPackage
from hero_build.model.installed import Phase
from hero_build.model.names import nearest
from hero_build.model.steps import Asset, Release


class Ref(Struct, frozen=True):
    """What to find: a release of `repo` by tag (None: the newest), or the files of a generic package.

    `names` are the files that would be of use: without a token, a server does not list a package's files, and each must
    be requested by its name. `phase`: what it is for; a lock file pins an app's programs and bundles each by itself.
    """

    repo: str
    tag: str | None = None
    package: GenericPackage | None = None
    names: tuple[str, ...] = ()
    phase: Phase = "install"


class Body(Protocol):
    """The bytes of an asset from `start` on."""

    @property
    def start(self) -> int:
        """The offset of the first byte of this body: 0 where the server does not resume."""

    @property
    def total(self) -> int | None:
        """The size of the whole asset in bytes; None when the server does not say."""

    @property
    def identity(self) -> str:
        """Changes when the content does (an ETag, or size and mtime); empty when the server sends neither."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The bytes, in chunks of up to 1 MiB; a chunk is valid until the next one is requested."""


class Forge(Protocol):
    @property
    def url(self) -> str:
        """The forge's address, without credentials; goes into the manifest."""

    def find(self, ref: Ref) -> Release:
        """The release. Raises ReleaseNotFound, RepoNotFound, AuthError, NetworkError, BadForgeResponse."""

    def open(self, asset: Asset, start: int = 0) -> AbstractContextManager[Body]:
        """One attempt at the asset's bytes from `start`.

        Raises AssetNotFound, AuthError, NetworkError, BadForgeResponse.
        """


_TAGS_SHOWN = 5


class UnknownRelease(ReleaseNotFound):
    """There are releases, and none of that tag: the hint names some."""


def no_release(what: str, tag: str, tags: Sequence[str]) -> ReleaseNotFound:
    """The error for a tag that `what`, a repo or package, does not have; `tags` are those it has, newest first."""
    close = nearest(tag, tags)
    if close:
        hint = f"Did you mean {' or '.join(close)}?"
    elif tags:
        more = ", …" if len(tags) > _TAGS_SHOWN else ""
        hint = f"It has {', '.join(tags[:_TAGS_SHOWN])}{more}."
    else:
        return ReleaseNotFound(f"{what} has no release {tag}", "It has none that is visible here.")
    return UnknownRelease(f"{what} has no release {tag}", hint)


def no_file(name: str, where: str) -> AssetNotFound:
    """The error for a file that its forge lists and does not have."""
    return AssetNotFound(f"{name} is not at {where}", "The release has changed since it was read: run it again.")
