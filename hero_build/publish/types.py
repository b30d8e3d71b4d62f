"""The nouns of the way out: what is to be published, and what became of it. Digests are lower-case hex sha256."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from hero_build.model.artifacts import GenericPackage


class ReleaseFile(Struct, frozen=True):
    """A file on its way out: the asset it becomes, and where it lies; `size` in bytes.

    `record`: it tells of a build (when, where, with what), so that one that is published already is not refused for
    telling of another build that gave the same files.
    """

    name: str
    path: Path
    sha256: str
    size: int
    record: bool = False


class ReleaseSpec(Struct, frozen=True):
    """One release as it is to be. The flags mean what those of `gh release create` mean.

    `target`: the branch or commit that the tag is made at where the tag is not there yet; empty: the default branch.
    `draft`: leave it a draft, for other jobs to add to. `clobber`: what is there and differs may be replaced.
    `package`: the files go to a forge's generic packages and not into a release.
    """

    app: str
    repo: str
    tag: str
    files: tuple[ReleaseFile, ...] = ()
    title: str = ""
    notes: str = ""
    target: str = ""
    draft: bool = False
    prerelease: bool = False
    clobber: bool = False
    package: GenericPackage | None = None


class PublishResult(Struct, frozen=True):
    """What is there now. `url` is the page (or folder) of it; `kept` was there already and right.

    `uploaded` and `removed` are names of assets; one that was replaced is in both.
    """

    forge: str
    repo: str
    tag: str
    state: Literal["published", "draft"]
    url: str
    kept: tuple[str, ...] = ()
    uploaded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.uploaded or self.removed)


class Publisher(Protocol):
    @property
    def url(self) -> str:
        """The address of what is published to, without credentials."""

    def preflight(self, spec: ReleaseSpec) -> None:
        """What can be refused without asking and without the parcels, before anything is built: AuthError without a
        token, UsageError for a draft where there are none.
        """

    def publish(self, spec: ReleaseSpec) -> PublishResult:
        """Bring the release to what the publication says, prove it by getting every file from there, then show it.

        Again: finishes what is missing, changes nothing that is right. With `publication.draft` it is not shown.
        Raises PublicationRefused where something else is published already (unless `clobber`), RepoNotFound,
        RefNotFound, AuthError, NetworkError, BadForgeResponse, SizeMismatch, ChecksumMismatch, UnsafeName.
        """

    def finish(self, spec: ReleaseSpec, expected: Collection[str]) -> PublishResult:
        """Prove the union that several publications have left in a draft, and show it. Raises as `publish` does;
        ReleaseNotFound without a draft, AssetNotFound when one of the `expected` assets is not there.
        """

    def close(self) -> None:
        """End idle connections."""
