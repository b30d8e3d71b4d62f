"""The documents of Forgejo's API that publishing reads and writes, and the values made of them."""

from msgspec import Struct

from hero_build.forge.asset_address import EXTERNAL, reachable_address
from hero_build.forge.json_decode import Number, Size
from hero_build.model.steps import Asset


class RemoteRepository(Struct, frozen=True):
    """`name` is the one for requests that write: a renamed repository redirects, and only reads follow redirects.

    `admin`: the token's user administers the repository.
    """

    name: str
    empty: bool
    archived: bool
    admin: bool = False


class RemoteAsset(Struct, frozen=True):
    """An asset on the server. `number` identifies it; of two assets the older has the lower number."""

    number: int
    asset: Asset

    @property
    def name(self) -> str:
        return self.asset.name


class RemoteRelease(Struct, frozen=True):
    """A release or a draft on the server."""

    number: int
    tag: str
    draft: bool
    prerelease: bool
    url: str
    assets: tuple[RemoteAsset, ...]

    def assets_named(self, name: str) -> tuple[RemoteAsset, ...]:
        """The oldest first: the server accepts several assets of one name."""
        return tuple(sorted((item for item in self.assets if item.name == name), key=lambda item: item.number))

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({item.name for item in self.assets}))


class Permissions(Struct, frozen=True):
    admin: bool = False


class RepositoryResponse(Struct, frozen=True):
    full_name: str
    empty: bool
    archived: bool
    permissions: Permissions | None = None

    def repository(self) -> RemoteRepository:
        admin = self.permissions is not None and self.permissions.admin
        return RemoteRepository(self.full_name, empty=self.empty, archived=self.archived, admin=admin)


class AttachmentSettings(Struct, frozen=True):
    """Of the server's settings only what holds for releases, too."""

    enabled: bool = True


class TagProtection(Struct, frozen=True):
    """Who may create the tags that match a pattern."""

    name_pattern: str
    whitelist_usernames: tuple[str, ...] | None = None
    whitelist_teams: tuple[str, ...] | None = None


class UserResponse(Struct, frozen=True):
    login: str


class UploadResponse(Struct, frozen=True):
    """An attachment of a release."""

    id: Number
    name: str
    size: Size
    uuid: str
    browser_download_url: str
    type: str | None = None

    def asset(self, forge: str) -> RemoteAsset:
        """`forge`: the address at which the server is reached; its own may be another."""
        url = reachable_address(self.browser_download_url, forge=forge, kind=self.type)
        size = None if self.type == EXTERNAL else self.size
        return RemoteAsset(self.id, Asset(self.name, url=url, size=size, id=self.uuid))


class ReleaseResponse(Struct, frozen=True):
    id: Number
    tag_name: str
    draft: bool
    prerelease: bool
    html_url: str | None = None
    assets: tuple[UploadResponse, ...] | None = None

    def release(self, forge: str) -> RemoteRelease:
        """`forge`: the address at which the server is reached."""
        return RemoteRelease(
            self.id,
            tag=self.tag_name,
            draft=self.draft,
            prerelease=self.prerelease,
            url=self.html_url or "",
            assets=tuple(item.asset(forge) for item in self.assets or ()),
        )


class TagNameResponse(Struct, frozen=True):
    """A release of which only the tag matters."""

    tag_name: str


class CommitResponse(Struct, frozen=True):
    sha: str


class TagResponse(Struct, frozen=True):
    commit: CommitResponse


class BranchCommit(Struct, frozen=True):
    id: str


class BranchResponse(Struct, frozen=True):
    commit: BranchCommit


class ReleaseEdit(Struct, frozen=True, omit_defaults=True):
    """The body of a request that creates or edits a release; fields with their default are not sent."""

    tag_name: str
    draft: bool
    prerelease: bool | None = None
    name: str = ""
    body: str = ""
    target_commitish: str = ""


def well_formed(text: str) -> str:
    """`text` as JSON can hold it: bytes of a command line that are not UTF-8 become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
