"""Where releases live, as one Protocol: a Forgejo server, a directory of the same shape, or a lock file."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from hero_build.errors import AssetNotFound, ReleaseNotFound
from hero_build.model.artifacts import GenericPackage
from hero_build.model.names import nearest
from hero_build.model.steps import Asset, Release


class Ref(Struct, frozen=True):
    """What to look for: a release of `repo` by tag (None: the newest), or the files of a generic package.

    `names` are the files that would be of use: a server lists a package's files to token holders only, and anyone
    else has to ask for each by its name.
    """

    repo: str
    tag: str | None = None
    package: GenericPackage | None = None
    names: tuple[str, ...] = ()


class Body(Protocol):
    """The bytes of an asset from `start` on."""

    @property
    def start(self) -> int:
        """The first byte this body really begins with: 0 where the server would not resume."""

    @property
    def total(self) -> int | None:
        """The size of the whole asset in bytes; None when the server does not say."""

    @property
    def identity(self) -> str:
        """Changes when the content does (an ETag, or size and mtime); empty when nothing tells."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The bytes, in pieces of up to 1 MiB; a piece is only good until the next one is asked for."""


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


def no_release(what: str, tag: str, known: Sequence[str]) -> ReleaseNotFound:
    """`what` names the repo or package; `known` are its tags, newest first."""
    close = nearest(tag, known)
    if close:
        hint = f"Did you mean {' or '.join(close)}?"
    elif known:
        more = ", …" if len(known) > _TAGS_SHOWN else ""
        hint = f"It has {', '.join(known[:_TAGS_SHOWN])}{more}."
    else:
        hint = "It has none that can be seen with this token."
    return ReleaseNotFound(f"{what} has no release {tag}", hint)


def no_file(name: str, where: str) -> AssetNotFound:
    """A file that its forge speaks of and does not have."""
    return AssetNotFound(f"{name} is not at {where}", "The release has changed since it was read: run it again.")
