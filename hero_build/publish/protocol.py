"""Where releases are published to, as one Protocol: a Forgejo server, its generic packages, or a mirror's folder."""

from collections.abc import Collection
from typing import Protocol

from hero_build.publish.publication import Publication, Published


class Publisher(Protocol):
    @property
    def url(self) -> str:
        """The address of what is published to, without credentials."""

    def ready(self, publication: Publication) -> None:
        """What can be refused without asking and without the parcels, before anything is built: AuthError without a
        token, UsageError for a draft where there are none.
        """

    def publish(self, publication: Publication) -> Published:
        """Bring the release to what the publication says, prove it by getting every file from there, then show it.

        Again: finishes what is missing, changes nothing that is right. With `publication.draft` it is not shown.
        Raises PublicationRefused where something else is published already (unless `clobber`), RepoNotFound,
        RefNotFound, AuthError, NetworkError, ForgeAnswer, SizeMismatch, ChecksumMismatch, UnsafeName.
        """

    def finish(self, publication: Publication, expected: Collection[str]) -> Published:
        """Prove the union that several publications have left in a draft, and show it. Raises as `publish` does;
        ReleaseNotFound without a draft, AssetNotFound when one of the `expected` assets is not there.
        """

    def close(self) -> None:
        """End idle connections."""
