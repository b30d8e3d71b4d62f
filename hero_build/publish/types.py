"""What a publisher takes and gives: files, the release they become, the result. Digests are lower-case hex sha256."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from hero_build.model.artifacts import GenericPackage


class ReleaseFile(Struct, frozen=True):
    """A local file and the name of the asset it becomes; `size` in bytes.

    `record`: the file describes a build (when, where, with what). A published record is never replaced without
    `clobber`, since another build of the same files has another record.
    """

    name: str
    path: Path
    sha256: str
    size: int
    record: bool = False


class ReleaseSpec(Struct, frozen=True):
    """The release to publish. The flags mean what those of `gh release create` mean.

    `target`: the branch or commit at which a missing tag is created; empty: the default branch.
    `draft`: leave a draft, for other jobs to add to. `clobber`: replace assets that differ.
    `package`: upload the files as a generic package of the forge, not as a release.
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
    """The release after publishing. `url` is its page, or its folder in a mirror.

    `kept`, `uploaded` and `removed` are names of assets; a replaced asset is in both `uploaded` and `removed`.
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


class ExistingRelease(Struct, frozen=True):
    """What a destination holds of a tag; `assets` are names, sorted."""

    state: Literal["absent", "draft", "published"]
    assets: tuple[str, ...] = ()


class Publisher(Protocol):
    @property
    def url(self) -> str:
        """The address of the forge or mirror, without credentials."""

    def preflight(self, spec: ReleaseSpec) -> None:
        """Check what needs neither a request nor the files, before anything is built. Raises AuthError without a
        token, UsageError for a draft where the target has no drafts.
        """

    def existing(self, spec: ReleaseSpec) -> ExistingRelease:
        """What there is of the spec's tag; changes nothing. Raises RepoNotFound, RefNotFound, AuthError, NetworkError,
        and what `publish` refuses before it uploads.
        """

    def publish(self, spec: ReleaseSpec) -> PublishResult:
        """Upload the files, verify each one on the server, then make the release visible unless `spec.draft`.

        A repeated call uploads what is missing and changes nothing else. Raises PublicationRefused where other files
        are published already (unless `clobber`), RepoNotFound, RefNotFound, AuthError, NetworkError,
        BadForgeResponse, SizeMismatch, ChecksumMismatch, UnsafeName.
        """

    def finish(self, spec: ReleaseSpec, expected: Collection[str]) -> PublishResult:
        """Verify the draft that several jobs have filled, and publish it. Raises as `publish` does; ReleaseNotFound
        without a draft, AssetNotFound when one of the `expected` assets is missing.
        """

    def close(self) -> None:
        """Close idle connections."""
