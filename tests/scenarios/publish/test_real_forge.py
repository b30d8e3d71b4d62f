"""Publishing to a real server: a new release, a repeated run, over a draft, and over a published release."""

import hashlib
import random
from pathlib import Path
from uuid import uuid4

import pytest

from hero_build.errors import (
    AssetNotFound,
    AuthError,
    HeroBuildError,
    PublicationRefused,
    RefNotFound,
    ReleaseNotFound,
    RepoNotFound,
    UnsafeName,
    UsageError,
)
from hero_build.events import Event, Finished, Started, Transferred, WarningRaised
from hero_build.publish.assets import release_file
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from support.forge_server import ForgeServer
from support.limits import PATIENT
from support.server_releases import CuttingProxy, Make, Pack, Publish, drafts, seen, whole

A, B = random.Random(1).randbytes(300_000), b"b" * 70_000


def refusal(make: Make, spec: ReleaseSpec, **extra: object) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        make(**extra).publish(spec)
    assert caught.value.hint
    return caught.value


def test_what_is_published_is_what_was_there(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, events: list[Event]
) -> None:
    done = spec(*pack(a=A, b=B), title="One", notes="Some *notes*.", target="main")
    result = publisher().publish(done)
    assert seen(forge_server, done.repo, "v1") == whole({"a": A, "b": B})
    assert (result.state, result.kept) == ("published", ())
    assert set(result.uploaded) == {"a", "a.sha256", "b", "b.sha256", "SHA256SUMS"}
    response = forge_server.api("GET", f"/repos/{done.repo}/releases/tags/v1")
    assert (response["name"], response["body"], response["prerelease"], response["draft"]) == (
        "One",
        "Some *notes*.",
        False,
        False,
    )
    began, *_, finished = events
    assert isinstance(began, Started)
    assert isinstance(finished, Finished)
    files = sum(event.size for event in events if isinstance(event, Transferred))
    assert began.total is not None
    assert files >= began.total


def test_nothing_to_do_costs_two_requests(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    one = spec(*pack(a=A, b=B))
    publisher().publish(one)
    with CuttingProxy(forge_server.url) as proxy:
        again = publisher(proxy.url).publish(one)
        assert len(proxy.asked) == 2
        assert all(asked.method == "GET" for asked in proxy.asked)
    assert not again.changed
    assert set(again.kept) == {"a", "a.sha256", "b", "b.sha256"}


@pytest.mark.parametrize("lost", ["a", "a.sha256", "SHA256SUMS"])
def test_a_published_release_gets_back_what_it_lost(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, lost: str
) -> None:
    one = spec(*pack(a=A, b=B))
    publisher().publish(one)
    release = forge_server.api("GET", f"/repos/{one.repo}/releases/tags/v1")
    (asset,) = [item for item in release["assets"] if item["name"] == lost]
    forge_server.api("DELETE", f"/repos/{one.repo}/releases/{release['id']}/assets/{asset['id']}")
    result = publisher().publish(one)
    assert result.uploaded == (lost,)
    assert seen(forge_server, one.repo, "v1") == whole({"a": A, "b": B})


def test_another_platform_is_added_to_what_is_published(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    publisher().publish(spec(*pack(a=A)))
    result = publisher().publish(spec(*pack(b=B)))
    assert set(result.uploaded) == {"b", "b.sha256", "SHA256SUMS"}
    assert result.removed == ("SHA256SUMS",)
    assert seen(forge_server, result.repo, "v1") == whole({"a": A, "b": B})


def test_what_is_published_does_not_change(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    publisher().publish(spec(*pack(a=A, b=B)))
    error = refusal(publisher, spec(*pack(a=A, b=B[:-1] + b"c", c=b"new")))
    assert isinstance(error, PublicationRefused)
    assert error.message == "v1 is published already, with another b"
    assert seen(forge_server, spec().repo, "v1") == whole({"a": A, "b": B})


def test_clobber_replaces_what_differs(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    publisher().publish(spec(*pack(a=A, b=B)))
    result = publisher().publish(spec(*pack(a=A, b=b"other"), clobber=True))
    assert "b" in result.removed
    assert "a" in result.kept
    assert seen(forge_server, result.repo, "v1") == whole({"a": A, "b": b"other"})


def test_a_record_of_another_build_is_no_difference(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    def with_record(text: bytes) -> tuple[ReleaseFile, ...]:
        program, record = pack(a=A, record=text)
        return program, ReleaseFile(record.name, path=record.path, sha256=record.sha256, size=record.size, record=True)

    publisher().publish(spec(*with_record(b"monday")))
    assert not publisher().publish(spec(*with_record(b"tuesday"))).changed
    release = seen(forge_server, spec().repo, "v1")
    assert release is not None
    assert release["record"] == b"monday"


def test_a_release_without_checksums_is_compared_by_its_content(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    repo = spec().repo
    forge_server.release(repo, "v1", {"a": A})
    result = publisher().publish(spec(*pack(a=A)))
    assert (result.kept, set(result.uploaded)) == (("a",), {"a.sha256", "SHA256SUMS"})
    forge_server.release(repo, "v2", {"a": A[::-1]})
    assert isinstance(refusal(publisher, spec(*pack(a=A), tag="v2")), PublicationRefused)


def test_a_draft_is_continued(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, events: list[Event]
) -> None:
    repo = spec().repo
    old = forge_server.release(repo, "v1", [("a", A), ("a", A), ("b", b"other")], draft=True)
    result = publisher().publish(spec(*pack(a=A, b=B)))
    assert seen(forge_server, repo, "v1") == whole({"a": A, "b": B})
    assert forge_server.api("GET", f"/repos/{repo}/releases/tags/v1")["id"] == old["id"]
    assert "a" in result.kept
    assert set(result.removed) == {"a", "b"}
    assert [event.text for event in events if isinstance(event, WarningRaised)] == [
        "b was in the release with other content: it is uploaded again"
    ]


@pytest.mark.parametrize("form", ["SHA256 (dist/{name}) = {digest}", "{upper} *dist/{name}\r"])
@pytest.mark.parametrize("suffix", [".sha256", ".sha256sum"])
def test_what_a_draft_holds_is_read_back_against_its_own_checksum_file(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, suffix: str, form: str
) -> None:
    """Files that another job uploaded, in each form that an install reads."""
    repo, digest = spec().repo, hashlib.sha256(B).hexdigest()
    own = (form.format(name="b", digest=digest, upper=digest.upper()) + "\n").encode()
    forge_server.release(repo, "v1", {"b": B[:-1] + b"!", f"b{suffix}": own}, draft=True)
    error = refusal(publisher, spec(*pack(a=A)))
    assert (error.code, error.message.startswith("b has the sha256 ")) == (5, True)
    forge_server.release(repo, "v2", {"b": B, f"b{suffix}": own}, draft=True)
    assert set(publisher().publish(spec(*pack(a=A), tag="v2")).uploaded) == {"a", "a.sha256", "SHA256SUMS"}


def test_what_nothing_proves_is_not_published(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    repo = spec().repo
    forge_server.release(repo, "v1", {"manual.pdf": b"by hand"}, draft=True)
    error = refusal(publisher, spec(*pack(a=A)))
    assert "manual.pdf" in error.message
    assert seen(forge_server, repo, "v1") is None
    publisher().publish(spec(*pack(a=A), clobber=True))
    assert seen(forge_server, repo, "v1") == whole({"a": A})


def test_a_draft_stays_one(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    result = publisher().publish(spec(*pack(a=A), draft=True, prerelease=True))
    assert result.state == "draft"
    assert seen(forge_server, result.repo, "v1") is None
    (draft,) = drafts(forge_server, result.repo, "v1")
    assert [asset["name"] for asset in draft["assets"]] == ["a", "a.sha256"]
    assert draft["prerelease"] is True


def test_finish_shows_the_union(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    for files in (pack(a=A), pack(b=B)):
        publisher().publish(spec(*files, draft=True))
    result = publisher().finish(spec(notes="both"), ("a", "b"))
    assert (result.state, set(result.kept)) == ("published", {"a", "b"})
    assert seen(forge_server, result.repo, "v1") == whole({"a": A, "b": B})
    again = publisher().finish(spec(), ("a", "b"))
    assert (again.state, again.changed) == ("published", False)


def test_finish_misses_what_did_not_come(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    with pytest.raises(ReleaseNotFound, match="has no draft of v1"):
        publisher().finish(spec(), ())
    publisher().publish(spec(*pack(a=A), draft=True))
    with pytest.raises(AssetNotFound, match="the draft of v1 lacks b"):
        publisher().finish(spec(), ("a", "b"))
    assert seen(forge_server, spec().repo, "v1") is None


def test_finish_proves_what_others_uploaded(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    repo = spec().repo
    files = {"a": A, "a.sha256": whole({"a": B})["a.sha256"]}
    forge_server.release(repo, "v1", files, draft=True)
    with pytest.raises(HeroBuildError, match="a has the sha256") as caught:
        publisher().finish(spec(), ("a",))
    assert caught.value.code == 5
    assert seen(forge_server, repo, "v1") is None


def test_names_and_tags_are_looked_at_before_anything_is_asked(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, tmp_path: Path
) -> None:
    (one,) = pack(a=A)
    with CuttingProxy(forge_server.url) as proxy:
        for tag in ("bad tag", "v1..2", "", "v^1", "v1.lock", "a//b"):
            assert isinstance(refusal(publisher, spec(one, tag=tag), url=proxy.url), UnsafeName)
        (empty,) = pack(empty=b"")
        assert "empty is empty" in refusal(publisher, spec(empty), url=proxy.url).message
        assert "two assets would be called a" in refusal(publisher, spec(one, one), url=proxy.url).message
        bad = ReleaseFile("../a", path=one.path, sha256=one.sha256, size=one.size)
        assert isinstance(refusal(publisher, spec(bad), url=proxy.url), UnsafeName)
        for name in ("SHA256SUMS", "a.sha256"):
            ours = ReleaseFile(name, path=one.path, sha256=one.sha256, size=one.size)
            assert isinstance(refusal(publisher, spec(ours), url=proxy.url), PublicationRefused)
        assert proxy.asked == []


def test_a_repository_that_cannot_have_releases(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    files = pack(a=A)
    name = f"empty-{uuid4().hex[:8]}"
    forge_server.api("POST", "/user/repos", {"name": name})
    empty = refusal(publisher, spec(*files, repo=f"{forge_server.user}/{name}"))
    assert isinstance(empty, RefNotFound)
    assert "has no commits" in empty.message
    assert isinstance(refusal(publisher, spec(*files, repo="nobody/nothing")), RepoNotFound)
    archived = forge_server.create_repo(f"archived-{uuid4().hex[:8]}")
    forge_server.api("PATCH", f"/repos/{archived}", {"archived": True})
    assert isinstance(refusal(publisher, spec(*files, repo=archived)), UsageError)


def test_the_target_must_be_there(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    files = pack(a=A)
    assert isinstance(refusal(publisher, spec(*files, target="no/such")), RefNotFound)
    assert isinstance(refusal(publisher, spec(*files, target="1" * 40)), RefNotFound)
    repo = spec().repo
    forge_server.api("POST", f"/repos/{repo}/branches", {"new_branch_name": "feature/x", "old_branch_name": "main"})
    assert publisher().publish(spec(*files, target="feature/x")).state == "published"


def test_a_tag_does_not_move(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    repo = spec().repo
    forge_server.api("POST", f"/repos/{repo}/tags", {"tag_name": "v1", "target": "main"})
    first = forge_server.api("GET", f"/repos/{repo}/branches/main")["commit"]["id"]
    forge_server.api("POST", f"/repos/{repo}/contents/x", {"content": "eA==", "message": "more", "branch": "main"})
    error = refusal(publisher, spec(*pack(a=A), target="main"))
    assert first in error.message
    assert publisher().publish(spec(*pack(a=A), target=first)).state == "published"
    response = forge_server.api("GET", f"/repos/{repo}/tags/v1")
    assert response["commit"]["sha"] == first


def test_tokens(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    files = pack(a=A)
    none = refusal(publisher, spec(*files), token=None)
    assert (type(none), none.code) == (AuthError, 4)
    assert "FORGEJO_TOKEN" in none.hint
    narrow = forge_server.limited_token(f"ro-{uuid4().hex[:8]}", ["read:repository"])
    scope = refusal(publisher, spec(*files), token=narrow)
    assert isinstance(scope, AuthError)
    assert "write:repository" in scope.hint
    assert narrow not in f"{scope.message}{scope.hint}"
    assert isinstance(refusal(publisher, spec(*files), token="f" * 40), AuthError)
    assert drafts(forge_server, spec().repo, "v1") == []


def test_the_token_does_not_travel_in_the_clear(publisher: Make, spec: Publish, pack: Pack) -> None:
    error = refusal(publisher, spec(*pack(a=A), repo="o/r"), url="http://forge.invalid", limits=PATIENT)
    assert error.code == 4


def test_a_renamed_repository_is_found(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    old = spec().repo
    new = forge_server.rename_repo(old, f"renamed-{uuid4().hex[:8]}")
    publisher().publish(spec(*pack(a=A)))
    publisher().publish(spec(*pack(b=B)))
    assert seen(forge_server, new, "v1") == whole({"a": A, "b": B})


def test_odd_names_arrive(forge_server: ForgeServer, publisher: Make, spec: Publish, tmp_path: Path) -> None:
    name = "a b+c%&?#é.txt"
    (tmp_path / "x").write_bytes(A)
    publisher().publish(spec(release_file(name, tmp_path / "x"), tag="a/v1"))
    assert seen(forge_server, spec().repo, "a%2Fv1") == whole({name: A})
