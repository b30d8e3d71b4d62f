"""What a real server forbids for good: said before anything is uploaded where it says so, and never as a try-again."""

from contextlib import closing
from uuid import uuid4

import pytest

from hero_build.errors import AuthError, BadForgeResponse, HeroBuildError
from hero_build.events import Event
from hero_build.model.artifacts import GenericPackage
from hero_build.publish.packages import PackagePublisher
from hero_build.publish.types import ReleaseSpec
from hero_build.settings import Secret
from support.forge_server import ForgeServer, changed_server
from support.limits import PATIENT
from support.server_releases import Make, Pack, Publish, drafts, seen, whole

A = b"a" * 100


def protect(server: ForgeServer, repo: str, pattern: str, user: str = "") -> None:
    """Only `user` may create tags that match; by default someone of no other part in the test."""
    body = {"name_pattern": pattern, "whitelist_usernames": [user or another_user(server).user]}
    server.api("POST", f"/repos/{repo}/tag_protections", body)


def another_user(server: ForgeServer) -> ForgeServer:
    """The server, with the name and password of a new user without rights."""
    name, password = f"user{uuid4().hex[:8]}", uuid4().hex
    user = {"username": name, "password": password, "email": f"{name}@example.invalid", "must_change_password": False}
    server.api("POST", "/admin/users", user)
    return ForgeServer(server.url, token=server.token, user=name, password=password)


def refusal(publish: Make, url: str, token: str, spec: object) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        publish(url, token).publish(spec)  # type: ignore[arg-type]
    assert caught.value.code == 4
    assert "again" not in caught.value.hint.lower()
    return caught.value


def test_a_protected_tag_is_refused_before_anything_is_uploaded(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    one = spec(*pack(a=A))
    protect(forge_server, one.repo, "v*")
    error = refusal(publisher, forge_server.url, forge_server.token, one)
    assert isinstance(error, AuthError)
    assert error.message.startswith(f"v1 is a protected tag of {one.repo} (v*)")
    assert drafts(forge_server, one.repo, "v1") == []
    assert publisher().publish(spec(*pack(a=A), tag="x1")).state == "published"


def test_a_protected_tag_that_this_user_may_create(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    one = spec(*pack(a=A))
    protect(forge_server, one.repo, "/^v[0-9]+$/", forge_server.user)
    assert publisher().publish(one).state == "published"
    assert seen(forge_server, one.repo, "v1") == whole({"a": A})


def test_a_protected_tag_that_exists(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    one = spec(*pack(a=A))
    forge_server.api("POST", f"/repos/{one.repo}/tags", {"tag_name": "v1", "target": "main"})
    protect(forge_server, one.repo, "v*")
    assert publisher().publish(one).state == "published"


def test_a_protected_tag_whose_protection_the_token_may_not_read(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, events: list[Event]
) -> None:
    """The server answers 500 without a reason, when all is uploaded."""
    one = spec(*pack(a=A))
    protect(forge_server, one.repo, "v*")
    writer = another_user(forge_server)
    forge_server.api("PUT", f"/repos/{one.repo}/collaborators/{writer.user}", {"permission": "write"})
    error = refusal(publisher, forge_server.url, writer.limited_token("w", ["write:repository"]), one)
    assert "failed (500)" in error.message
    assert "It may be protected" in error.hint
    assert seen(forge_server, one.repo, "v1") is None


def test_a_type_of_file_that_releases_may_not_have(publisher: Make, spec: Publish, pack: Pack) -> None:
    with changed_server(**{"repository.release.ALLOWED_TYPES": ".zip"}) as server:
        repo = server.create_repo("types")
        error = refusal(publisher, server.url, server.token, spec(*pack(a=A), repo=repo))
        assert isinstance(error, BadForgeResponse)
        assert "rejects the request (400)" in error.message
        assert "ALLOWED_TYPES" in error.hint
        assert seen(server, repo, "v1") is None


def test_a_size_that_releases_may_not_have(publisher: Make, spec: Publish, pack: Pack) -> None:
    """The API says the limit of other attachments only."""
    with changed_server(**{"repository.release.FILE_MAX_SIZE": "1"}) as server:
        repo = server.create_repo("sizes")
        error = refusal(publisher, server.url, server.token, spec(*pack(a=bytes(2 << 20), b=A), repo=repo))
        assert isinstance(error, BadForgeResponse)
        assert "does not take a file of that size (413)" in error.message
        assert "FILE_MAX_SIZE of [repository.release]" in error.hint
        assert server.api("GET", "/settings/attachment")["max_size"] > 2
        assert seen(server, repo, "v1") is None


def test_a_size_that_packages_may_not_have(pack: Pack, events: list[Event]) -> None:
    with changed_server(packages__LIMIT_SIZE_GENERIC="1 MiB") as server:
        writer = another_user(server)  # an administrator may exceed it
        token = Secret(writer.limited_token("w", ["write:package"]))
        publisher = PackagePublisher(server.url, token, events.append, limits=PATIENT, jobs=1)
        package = GenericPackage(writer.user, "tool", "v1")
        one = ReleaseSpec("app", repo=f"{writer.user}/tool", tag="v1", files=pack(a=bytes(2 << 20)), package=package)
        with closing(publisher), pytest.raises(BadForgeResponse) as caught:
            publisher.publish(one)
        assert "does not take more (403)" in caught.value.message
        assert "raise the limit" in caught.value.hint


def test_attachments_that_are_switched_off(publisher: Make, spec: Publish, pack: Pack) -> None:
    with changed_server(attachment__ENABLED="false") as server:
        repo = server.create_repo("attachments")
        error = refusal(publisher, server.url, server.token, spec(*pack(a=A), repo=repo))
        assert "attachments are switched off there" in error.message
        assert drafts(server, repo, "v1") == []
