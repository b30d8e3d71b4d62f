"""What a server forbids for good: which protections match a tag, whom they allow, and what stays an open question."""

from dataclasses import dataclass, replace
from threading import Barrier
from typing import cast

import pytest

from hero_build.errors import AuthError, BadForgeResponse, NetworkError
from hero_build.forge.client import ForgeClient
from hero_build.forge.http_types import HttpNotFound
from hero_build.forge.limits import DEFAULT
from hero_build.forge.url import Url
from hero_build.publish.api import Api
from hero_build.publish.api_documents import RemoteRepository, TagProtection
from hero_build.publish.drafts import writable_repository
from hero_build.publish.http import publish_error
from hero_build.publish.types import ReleaseSpec
from hero_build.settings import Secret

ADMIN = RemoteRepository("o/r", empty=False, archived=False, admin=True)
WRITER = RemoteRepository("o/r", empty=False, archived=False)


@dataclass
class Server:
    protections: tuple[TagProtection, ...] = ()
    login: str | None = "me"
    enabled: bool = True
    tagged: str | None = None
    asked: RemoteRepository = ADMIN

    def repository(self, repo: str) -> RemoteRepository:
        return self.asked

    def accepts_attachments(self) -> bool:
        return self.enabled

    def tag_commit(self, repo: str, tag: str) -> str | None:
        return self.tagged

    def tag_protections(self, repo: str) -> tuple[TagProtection, ...]:
        return self.protections

    def user(self) -> str | None:
        return self.login


def check(server: Server, tag: str) -> None:
    writable_repository(cast("Api", server), ReleaseSpec("app", repo="o/r", tag=tag))


def is_forbidden(server: Server, tag: str = "v1.0", repository: RemoteRepository = ADMIN) -> bool:
    try:
        check(replace(server, asked=repository), tag)
    except AuthError:
        return True
    return False


def test_the_refusal_says_whom_to_ask() -> None:
    with pytest.raises(AuthError, match=r"v1.0 is a protected tag of o/r \(v\*\), which") as caught:
        check(Server((TagProtection("v*"),)), "v1.0")
    assert caught.value.code == 4
    assert "again" not in caught.value.hint
    assert "Settings, Tags" in caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "tag", "matches"),
    [
        ("v*", "v1.0", True),
        ("v*", "v1/2", True),
        ("*", "anything", True),
        ("v*", "x1", False),
        ("v?", "v1", True),
        ("v?", "v10", False),
        ("v[0-9]", "v7", True),
        ("v[!0-9]", "v7", False),
        ("v[!0-9]", "vx", True),
        ("{v,release-}*", "release-1", True),
        ("{v,release-}*", "r-1", False),
        (r"v\*", "v*", True),
        (r"v\*", "v1", False),
        ("v1.0", "v1x0", False),
        ("/^v[0-9]+/", "v12-rc", True),
        ("/^v[0-9]+$/", "v12-rc", False),
        ("/(/", "v1", False),
        ("v{", "v", False),
        ("", "v1", False),
    ],
)
def test_the_pattern_of_a_protection(pattern: str, tag: str, matches: bool) -> None:
    assert is_forbidden(Server((TagProtection(pattern),)), tag) is matches


@pytest.mark.parametrize(
    ("names", "teams", "login", "forbidden"),
    [
        ((), (), "me", True),
        (None, None, None, True),
        (("other",), (), "me", True),
        (("other", "Me"), (), "me", False),
        (("other",), (), None, False),
        (("other",), ("developers",), "me", False),
    ],
)
def test_whom_a_protection_allows(
    names: tuple[str, ...] | None, teams: tuple[str, ...] | None, login: str | None, forbidden: bool
) -> None:
    """A member of a team, and a user whose name is not shown, may be allowed: the server decides later."""
    protection = TagProtection("v*", whitelist_usernames=names, whitelist_teams=teams)
    assert is_forbidden(Server((protection,), login)) is forbidden


def test_one_protection_that_allows_is_enough() -> None:
    closed, mine = TagProtection("v*"), TagProtection("v1*", whitelist_usernames=("me",))
    assert not is_forbidden(Server((closed, mine)))
    assert is_forbidden(Server((closed, TagProtection("w*", whitelist_usernames=("me",)))))


def test_a_tag_that_exists_is_not_created_again() -> None:
    assert not is_forbidden(Server((TagProtection("v*"),), tagged="a" * 40))


def test_protections_are_asked_of_nobody_but_an_administrator() -> None:
    assert not is_forbidden(Server((TagProtection("v*"),)), repository=WRITER)


def test_attachments_that_are_switched_off() -> None:
    assert is_forbidden(Server(enabled=False), repository=WRITER)


@pytest.mark.parametrize("error", [AuthError("a"), HttpNotFound("b"), BadForgeResponse("c")])
def test_what_a_server_does_not_say_forbids_nothing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ForgeClient, "get", refuse)
    api = Api("https://f", Secret("t"), limits=DEFAULT, plain_http=(), emit=lambda event: None)
    assert (api.accepts_attachments(), api.tag_protections("o/r"), api.user()) == (True, (), None)


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (400, "This file cannot be uploaded or modified due to a forbidden file extension or type.", "ALLOWED_TYPES"),
        (400, "This file extension or type is not allowed to be uploaded.", "ALLOWED_TYPES"),
        (422, "release tag name is protected [tag_name: v1]", "Settings, Tags"),
        (500, "release tag name is protected [tag_name: v1]", "Settings, Tags"),
        (422, "target not valid", "ask the forge's administrator"),
        (413, "attachment exceeds limit 4096", "MAX_SIZE"),
    ],
)
def test_the_hint_of_what_is_refused_for_good(status: int, message: str, hint: str) -> None:
    body = f'{{"message": "{message}"}}'.encode()
    error = publish_error(status, headers={}, url=Url("https://f/x"), body=body)
    assert hint in error.hint
    assert "again" not in error.hint.lower()
    assert error.code == 4
    if status == 500:
        assert not isinstance(error, NetworkError), "it is not tried again"


class MeetingServer(Server):
    """Answers none of the four questions before all of them are asked."""

    meeting = Barrier(4)

    def commit(self, repo: str, ref: str) -> str | None:
        self.meeting.wait(120)
        return "a" * 40

    def tag_commit(self, repo: str, tag: str) -> str | None:
        self.meeting.wait(120)
        return None

    def accepts_attachments(self) -> bool:
        self.meeting.wait(120)
        return True

    def tag_protections(self, repo: str) -> tuple[TagProtection, ...]:
        self.meeting.wait(120)
        return ()


def test_what_is_independent_is_asked_at_the_same_time() -> None:
    spec = ReleaseSpec("app", repo="o/r", tag="v1", target="main")
    assert writable_repository(cast("Api", MeetingServer()), spec) == ADMIN
