"""The API of a server that misbehaves: each fault is one error with a hint, and no token leaks."""

import json
import time
from email.utils import formatdate

import pytest
from msgspec.structs import replace

from hero_build.errors import (
    AuthError,
    BadForgeResponse,
    HeroBuildError,
    NetworkError,
    ReleaseNotFound,
    RepoNotFound,
    UnsafeName,
)
from hero_build.events import Event, Retrying, WarningRaised
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import read_small
from hero_build.model.artifacts import GenericPackage
from hero_build.model.steps import Asset, Release
from support.fault_server import (
    FaultServer,
    Flood,
    answer,
    document,
    dripping_headers,
    gzipped,
    interim,
    json_answer,
    many_headers,
    promises,
    raw,
    redirect,
    serve,
    truncated,
)
from support.limits import PATIENT, TOKEN

LATEST = "/api/v1/repos/o/r/releases/latest"
TAGGED = "/api/v1/repos/o/r/releases/tags/v1"
REF = Ref("o/r")
DEEP = b'{"later": ' + b"[" * 100_000
BODIES = [b"", b"<!DOCTYPE html>\n<title>Log in", b"\xff\xfe", b"[" * 100_000, DEEP, b"9" * 5000]
ASSET = {"name": "a", "browser_download_url": "http://h/a"}


def refused(forge: Forgejo, ref: Ref = REF) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        forge.find(ref)
    assert caught.value.hint, "every failure says what to do next"
    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def waits(events: list[Event]) -> list[float]:
    return [event.wait for event in events if isinstance(event, Retrying)]


def test_a_release_is_read_with_its_assets(forge: Forgejo, faults: FaultServer) -> None:
    faults.release("o/r", "v1", {"prog": b"12345"})
    release = forge.find(REF)
    assert (release.forge, release.repo, release.tag) == (faults.url, "o/r", "v1")
    assert [(asset.name, asset.size, asset.id) for asset in release.assets] == [("prog", 5, "v1-prog")]
    assert release.commit is None, "a branch is not a commit"
    assert faults.seen[0].headers["authorization"] == f"token {TOKEN}"
    assert faults.seen[0].headers["accept-encoding"] == "identity"
    assert forge.find(Ref("o/r", "v1")) == release


def test_the_commit_of_a_release(forge: Forgejo, faults: FaultServer) -> None:
    faults.on(LATEST, json_answer(document(faults.url, "v1", {}, target_commitish="a" * 40)))
    assert forge.find(REF).commit == "a" * 40


@pytest.mark.parametrize(
    ("status", "body", "kind", "words", "hint"),
    [
        (401, b'{"message": "user does not exist", "url": "x"}', AuthError, "user does not exist", "FORGEJO_TOKEN"),
        (403, b'{"message": "token lacks scope", "url": "x"}', AuthError, "token lacks scope", "read:repository"),
        (418, b"I am a teapot\nreally", BadForgeResponse, "I am a teapot", "--forge"),
        (400, b"<html>" + b"x" * 5000, BadForgeResponse, "400", "--forge"),
    ],
)
def test_other_refusals_are_not_tried_again(
    forge: Forgejo,
    faults: FaultServer,
    events: list[Event],
    status: int,
    body: bytes,
    kind: type[HeroBuildError],
    words: str,
    hint: str,
) -> None:
    faults.on(LATEST, answer(status, body))
    error = refused(forge)
    assert type(error) is kind
    assert error.code == 4
    assert words in error.message
    assert hint in error.hint
    assert len(error.message) < 400
    assert len(faults.seen) == 1
    assert not events


def test_404_for_a_missing_repo_and_a_missing_release(forge: Forgejo, faults: FaultServer) -> None:
    assert isinstance(refused(forge), RepoNotFound)
    assert "FORGEJO_TOKEN" in refused(forge).hint
    faults.on("/api/v1/repos/o/r", json_answer({"full_name": "o/r"}))
    error = refused(forge)
    assert type(error) is ReleaseNotFound
    assert error.message == "o/r has no release"


def test_an_unknown_tag_names_the_nearest(forge: Forgejo, faults: FaultServer) -> None:
    faults.on("/api/v1/repos/o/r", json_answer({}))
    pages = [[document("", f"v{page}.{number}", {}) for number in range(50)] for page in range(2)]
    faults.on("/api/v1/repos/o/r/releases", json_answer(pages[0]), json_answer(pages[1]), json_answer([]))
    error = refused(forge, Ref("o/r", "v1.499"))
    assert isinstance(error, ReleaseNotFound)
    assert "v1.49" in error.hint
    assert [path for path in faults.paths() if "page" in path][-1].endswith("limit=50&page=3")


@pytest.mark.parametrize("tag", ["../x", "..", "a\nb", "a\0b", "\x1b[31m", "a b"])
def test_a_hostile_tag_is_refused_before_anyone_is_asked(forge: Forgejo, faults: FaultServer, tag: str) -> None:
    assert isinstance(refused(forge, Ref("o/r", tag)), UnsafeName)
    assert not faults.seen


def test_a_tag_is_one_quoted_segment(forge: Forgejo, faults: FaultServer) -> None:
    response = document(faults.url, "rel/1.0%2e+ü", {})
    faults.on("/api/v1/repos/o/r/releases/tags/rel%2F1.0%252e%2B%C3%BC", json_answer(response))
    assert forge.find(Ref("o/r", "rel/1.0%2e+ü")).tag == "rel/1.0%2e+ü"


def test_unsafe_asset_names_are_ignored(forge: Forgejo, faults: FaultServer, events: list[Event]) -> None:
    names = ["../../etc/passwd", "a\nb", "\x1b[2J", "..", "a\0", "good"]
    faults.on(LATEST, json_answer(document(faults.url, "v1", dict.fromkeys(names, 1))))
    assert [asset.name for asset in forge.find(REF).assets] == ["good"]
    assert len([event for event in events if isinstance(event, WarningRaised)]) == 5


@pytest.mark.parametrize("tag", ["../x", "a\nb", "\x1b[31m"])
def test_an_unsafe_tag_of_the_newest_release_is_refused(forge: Forgejo, faults: FaultServer, tag: str) -> None:
    faults.on(LATEST, json_answer(document(faults.url, tag, {})))
    error = refused(forge)
    assert isinstance(error, BadForgeResponse), "the server sent it"
    assert error.message == f"a release of o/r has an invalid tag: {tag!r}"


def test_429_waits_for_retry_after(faults: FaultServer, events: list[Event]) -> None:
    forge = Forgejo(faults.url, token=None, emit=events.append, limits=replace(PATIENT, longest=0.2))
    response = json_answer(document(faults.url, "v1", {}))
    faults.on(
        LATEST, answer(429, b"slow down", {"Retry-After": "0"}), answer(429, b"", {"Retry-After": "3600"}), response
    )
    assert forge.find(REF).tag == "v1"
    assert waits(events) == [0, 0.2]
    faults.on(LATEST, answer(429, b"", {"Retry-After": formatdate(time.time() + 3600, usegmt=True)}), response)
    assert forge.find(REF).tag == "v1"
    assert waits(events)[2] == 0.2
    forge.close()


@pytest.mark.parametrize("after", ["", "soon", "-1", "9" * 400, "Mon, 99 Foo", "²"])
def test_429_with_no_sensible_retry_after(forge: Forgejo, faults: FaultServer, after: str) -> None:
    faults.on(LATEST, answer(429, b"", {"Retry-After": after}), json_answer(document(faults.url, "v1", {})))
    assert forge.find(REF).tag == "v1"


def test_500_twice_then_fine(forge: Forgejo, faults: FaultServer, events: list[Event]) -> None:
    faults.on(LATEST, answer(500, b"oops"), answer(502), json_answer(document(faults.url, "v1", {})))
    assert forge.find(REF).tag == "v1"
    assert next(event.why for event in events if isinstance(event, Retrying)) == "127.0.0.1 failed (500): oops"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failure_for_ever_ends_after_the_attempts(forge: Forgejo, faults: FaultServer, status: int) -> None:
    faults.on(LATEST, answer(status, b"busy"))
    error = refused(forge)
    assert isinstance(error, NetworkError)
    assert f"({status}): busy" in error.message
    assert len(faults.seen) == PATIENT.attempts


def test_an_answer_that_ends_early_is_asked_for_again(forge: Forgejo, faults: FaultServer) -> None:
    faults.on(LATEST, raw(b""), truncated(b"x" * 100, 10), json_answer(document(faults.url, "v1", {})))
    assert forge.find(REF).tag == "v1"


def test_no_server(forge: Forgejo, faults: FaultServer, events: list[Event]) -> None:
    faults.stop()
    error = refused(forge)
    assert isinstance(error, NetworkError)
    assert "cannot be reached" in error.message
    assert len(waits(events)) == PATIENT.attempts - 1


def test_an_unknown_host(events: list[Event]) -> None:
    forge = Forgejo("http://forge.invalid", token=None, emit=events.append, limits=PATIENT)
    assert "forge.invalid cannot be reached" in refused(forge).message


def test_headers_without_end_are_cut_off(forge: Forgejo, faults: FaultServer) -> None:
    faults.on(LATEST, many_headers())
    error = refused(forge)
    assert isinstance(error, BadForgeResponse)
    assert "headers" in error.message


def test_headers_that_drip_end_at_the_deadline(faults: FaultServer, events: list[Event]) -> None:
    forge = Forgejo(
        faults.url, token=None, emit=events.append, limits=replace(PATIENT, answer=0.3, stall=5, attempts=1)
    )
    faults.on(LATEST, dripping_headers())
    error = refused(forge)
    assert isinstance(error, NetworkError)
    assert "it took more than 0.3 s" in error.message


def test_no_byte_for_the_stall_limit(faults: FaultServer, events: list[Event]) -> None:
    forge = Forgejo(faults.url, token=None, emit=events.append, limits=replace(PATIENT, stall=0.1, attempts=1))
    faults.on(LATEST, dripping_headers(pause=5))
    assert "no data for 0.1 s" in refused(forge).message


@pytest.mark.parametrize("what", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n"])
def test_a_server_that_does_not_speak_http(forge: Forgejo, faults: FaultServer, what: bytes) -> None:
    faults.on(LATEST, raw(what))
    assert isinstance(refused(forge), BadForgeResponse)


@pytest.mark.parametrize("size", [b"zz", b"-5", b""])
def test_lengths_that_are_no_numbers(forge: Forgejo, faults: FaultServer, size: bytes) -> None:
    faults.on(LATEST, raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabc\r\n0\r\n\r\n"))
    assert isinstance(refused(forge), BadForgeResponse | NetworkError)


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_promises_without_an_answer_end_at_the_deadline(faults: FaultServer, events: list[Event], status: int) -> None:
    forge = Forgejo(faults.url, token=None, emit=events.append, limits=replace(PATIENT, answer=0.3, attempts=1))
    faults.on(LATEST, promises(status))
    assert "it took more than 0.3 s" in refused(forge).message


@pytest.mark.parametrize("statuses", [(100,), (102,), (103,), (100, 102, 103, 103, 199)])
def test_interim_responses_are_skipped(forge: Forgejo, faults: FaultServer, statuses: tuple[int, ...]) -> None:
    """RFC 9110, 15.2: a client must be able to parse any number of them, and may ignore them."""
    faults.release("o/r", "v1", {"prog": b"the program"})
    faults.on(LATEST, interim(*statuses, then=json_answer(document(faults.url, "v1", {"prog": 11}))))
    faults.on("/dl/v1/prog", interim(*statuses, then=serve(b"the program")))
    for _ in range(2):
        release = forge.find(Ref("o/r"))
        assert read_small(forge, release.assets[0]) == b"the program"
    assert faults.accepted == 1, "the connection is kept"


def test_another_protocol_is_not_spoken(forge: Forgejo, faults: FaultServer) -> None:
    """101 is final, and nothing asked for it."""
    faults.on(LATEST, answer(101, b"", {"Upgrade": "websocket"}))
    assert refused(forge).code == 4


@pytest.mark.parametrize("size", ["9223372036854775808", "1" + 30 * "0", "1" + 5000 * "0", "1e30", "1e400"])
def test_sizes_that_no_file_has(forge: Forgejo, faults: FaultServer, size: str) -> None:
    text = json.dumps({"tag_name": "v1", "id": 7, "assets": [{**ASSET, "size": 7}]}).replace(
        '"size": 7', f'"size": {size}'
    )
    faults.on(LATEST, answer(200, text.encode()))
    error = refused(forge)
    assert (error.code, type(error)) == (4, BadForgeResponse)
    assert error.message.endswith("at `$.assets[0].size`")
    faults.on(LATEST, answer(200, text.replace(size, str(2**63 - 1)).replace('"id": 7', f'"id": {size}').encode()))
    assert forge.find(Ref("o/r")).assets[0].size == 2**63 - 1


def test_a_page_is_quoted_by_its_title(forge: Forgejo, faults: FaultServer) -> None:
    faults.on(LATEST, answer(502, b"<html>\n<head><title>502 Bad Gateway</title></head>"))
    assert refused(forge).message == "127.0.0.1 failed (502): 502 Bad Gateway"


def test_a_redirect_loop(forge: Forgejo, faults: FaultServer) -> None:
    faults.on(LATEST, redirect("/b"))
    faults.on("/b", redirect(LATEST))
    error = refused(forge)
    assert isinstance(error, BadForgeResponse)
    assert "in a circle" in error.message
    assert faults.paths() == [LATEST, "/b"]


def test_redirects_without_end(forge: Forgejo, faults: FaultServer) -> None:
    for number in range(20):
        faults.on(f"/{number}", redirect(f"/{number + 1}"))
    faults.on(LATEST, redirect("/0"))
    assert "more than 5 times" in refused(forge).message
    assert len(faults.seen) == PATIENT.redirects + 1


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "ftp://h/x", "http://", "http://a:x/"])
def test_a_redirect_to_nowhere(forge: Forgejo, faults: FaultServer, location: str) -> None:
    faults.on(LATEST, redirect(location))
    assert isinstance(refused(forge), BadForgeResponse)


def test_a_redirect_of_the_api_is_followed(forge: Forgejo, faults: FaultServer) -> None:
    faults.on(LATEST, redirect("/api/v1/repos/o/new/releases/latest", 307))
    faults.on("/api/v1/repos/o/new/releases/latest", json_answer(document(faults.url, "v1", {})))
    assert forge.find(REF).repo == "o/r"
    assert all(seen.headers["authorization"] == f"token {TOKEN}" for seen in faults.seen)


def test_the_token_does_not_follow_to_another_host(forge: Forgejo, faults: FaultServer, another: FaultServer) -> None:
    faults.on(LATEST, redirect(f"{another.url}/elsewhere"))
    another.on("/elsewhere", redirect(f"{faults.url}/back"))
    faults.on("/back", json_answer(document(faults.url, "v1", {})))
    assert forge.find(REF).tag == "v1"
    assert [seen.path for seen in another.seen] == ["/elsewhere"]
    assert "authorization" not in another.seen[0].headers
    assert TOKEN not in str(another.seen)


def test_cookies_are_not_kept(forge: Forgejo, faults: FaultServer) -> None:
    response = json_answer(document(faults.url, "v1", {}))
    faults.on(LATEST, redirect("/b"))
    faults.on("/b", response)
    faults.on(LATEST, answer(302, b"", {"Location": "/b", "Set-Cookie": "session=1; Path=/"}))
    forge.find(REF)
    assert "cookie" not in faults.seen[-1].headers


def test_a_compressed_answer_is_refused(forge: Forgejo, faults: FaultServer) -> None:
    faults.on(LATEST, gzipped(b'{"tag_name": "v1"}'))
    error = refused(forge)
    assert isinstance(error, BadForgeResponse)
    assert "encoded as 'gzip'" in error.message


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_is_not_json(forge: Forgejo, faults: FaultServer, body: bytes) -> None:
    faults.on(LATEST, answer(200, body))
    error = refused(forge)
    assert isinstance(error, BadForgeResponse)
    assert len(error.message) < 500


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (None, "Expected `object`, got `null`"),
        ([], "Expected `object`, got `array`"),
        ("v1", "Expected `object`, got `str`"),
        ({}, "missing required field `tag_name`"),
        ({"tag_name": 1}, "Expected `str`, got `int` - at `$.tag_name`"),
        ({"tag_name": "v1", "assets": {}}, "Expected `array | null`, got `object` - at `$.assets`"),
        ({"tag_name": "v1", "assets": [1]}, "Expected `object`, got `int` - at `$.assets[0]`"),
        ({"tag_name": "v1", "assets": [{"name": None}]}, "Expected `str`, got `null` - at `$.assets[0].name`"),
        (
            {"tag_name": "v1", "assets": [{"name": "a"}]},
            "field `browser_download_url` - at `$.assets[0]`",
        ),
        ({"tag_name": "v1", "assets": [{**ASSET, "size": -1}]}, "Expected `int` >= 0 - at `$.assets[0].size`"),
        ({"tag_name": "v1", "assets": [{**ASSET, "size": "1"}]}, "got `str` - at `$.assets[0].size`"),
        ({"tag_name": "v1", "assets": [{**ASSET, "size": True}]}, "got `bool` - at `$.assets[0].size`"),
        ({"tag_name": "v1", "assets": [{**ASSET, "sha256": 1}]}, "got `int` - at `$.assets[0].sha256`"),
        ({"tag_name": "v1", "prerelease": "yes"}, "got `str` - at `$.prerelease`"),
    ],
)
def test_json_of_another_format_names_the_field(forge: Forgejo, faults: FaultServer, sent: object, why: str) -> None:
    faults.on(LATEST, json_answer(sent))
    error = refused(forge)
    assert isinstance(error, BadForgeResponse)
    assert error.message.startswith("the newest release of o/r has an unexpected format: ")
    assert why in error.message


def test_absent_null_and_unknown_fields_of_a_release(forge: Forgejo, faults: FaultServer) -> None:
    names = ("target_commitish", "draft", "prerelease", "created_at", "assets")
    faults.on(
        LATEST,
        json_answer({"tag_name": "v1"}),
        json_answer({"tag_name": "v1", "later": {"x": []}, **dict.fromkeys(names)}),
    )
    bare = Release(faults.url, repo="o/r", tag="v1", assets=())
    assert [forge.find(REF), forge.find(REF)] == [bare, bare]
    asset = {**ASSET, "sha256": "A" * 64, "size": None, "uuid": None, "id": "7"}
    faults.on(LATEST, json_answer({"tag_name": "v1", "assets": [asset]}))
    assert forge.find(REF).assets == (Asset("a", "http://h/a"),)


def test_an_endless_answer_is_not_held(forge: Forgejo, faults: FaultServer) -> None:
    flood = Flood()
    faults.on(LATEST, flood)
    error = refused(forge)
    assert isinstance(error, BadForgeResponse)
    assert "more than 8 MiB" in error.message
    faults.stop()
    assert flood.sent < 32 << 20, "the connection ends soon after the limit"


def test_a_package_is_a_release_with_digests(forge: Forgejo, faults: FaultServer) -> None:
    package = GenericPackage("o", "zinit", "dev")
    response = [{"name": "zinit-linux-amd64", "size": 3, "sha256": "a" * 64, "id": 7}, {"name": "../x", "sha256": ""}]
    faults.on("/api/v1/packages/o/generic/zinit/dev/files", json_answer(response))
    release = forge.find(Ref("o/zinit", None, package))
    assert release.tag == "dev"
    asset = release.assets[0]
    assert (asset.url, asset.sha256, asset.id) == (
        f"{faults.url}/api/packages/o/generic/zinit/dev/zinit-linux-amd64",
        "a" * 64,
        "a" * 64,
    )
    assert len(release.assets) == 1


def test_an_unknown_package_version_names_the_nearest(forge: Forgejo, faults: FaultServer) -> None:
    package = GenericPackage("o", "zinit", "dev2")
    assert isinstance(refused(forge, Ref("o/zinit", None, package)), ReleaseNotFound)
    versions = [{"name": "zinit", "version": "dev"}, {"name": "zinit-other", "version": "dev2"}]
    faults.on("/api/v1/packages/o", json_answer(versions))
    assert refused(forge, Ref("o/zinit", None, package)).hint == "Did you mean dev?"


@pytest.mark.parametrize("part", ["..", "a/b", "a\n", ""])
def test_a_hostile_package_is_refused_before_anyone_is_asked(forge: Forgejo, faults: FaultServer, part: str) -> None:
    for package in (GenericPackage(part, "n", "v"), GenericPackage("o", part, "v"), GenericPackage("o", "n", part)):
        assert isinstance(refused(forge, Ref("o/r", None, package)), UnsafeName)
    assert not faults.seen
