"""A server that fails, refuses, or keeps other bytes than it was sent; two jobs at once; a file that changes."""

import _thread
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.errors import HeroBuildError, PublicationRefused
from hero_build.events import Event, Retrying, Transferred
from hero_build.publish.assets import release_file
from hero_build.publish.types import PublishResult
from hero_build.publish.workers import TransferCancelled, WorkerPool
from support.forge_server import ForgeServer
from support.limits import PATIENT
from support.processes import LONG
from support.server_releases import CuttingProxy, Make, Pack, ProxyRequest, Publish, drafts, seen, whole

DATA = bytes(range(256)) * 4000
_RELEASE, _LIST = r"/releases/(\d+)$", r"/releases/(\d+)/assets\?name=SHA256SUMS$"
IMPATIENT = replace(PATIENT, stall=10)


def is_upload(asked: ProxyRequest) -> bool:
    return asked.method == "POST" and "/assets?" in asked.path


def response(status: int, text: str) -> bytes:
    body = json.dumps({"message": text}).encode()
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def test_other_bytes_than_were_sent(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    one = spec(*pack(a=DATA, b=b"b"))
    with CuttingProxy(forge_server.url) as proxy:
        proxy.spoil = lambda asked, body: body[:-1] + b"!" if len(body) == len(DATA) else body
        with pytest.raises(HeroBuildError, match="a has the sha256") as caught:
            publisher(proxy.url).publish(one)
    assert caught.value.code == 5
    assert seen(forge_server, one.repo, "v1") is None
    (draft,) = drafts(forge_server, one.repo, "v1")
    assert "a" not in [asset["name"] for asset in draft["assets"]]
    publisher().publish(one)
    assert seen(forge_server, one.repo, "v1") == whole({"a": DATA, "b": b"b"})


def test_what_is_wrong_does_not_stay_in_what_is_published(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    publisher().publish(spec(*pack(b=b"b")))
    with CuttingProxy(forge_server.url) as proxy:
        proxy.spoil = lambda asked, body: body[:-1] + b"!" if len(body) == len(DATA) else body
        with pytest.raises(HeroBuildError, match="a has the sha256"):
            publisher(proxy.url, jobs=1).publish(spec(*pack(a=DATA)))
    assert seen(forge_server, spec().repo, "v1") == whole({"b": b"b"})


@pytest.mark.parametrize("status", [500, 502, 429])
def test_a_failure_that_passes(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, events: list[Event], status: int
) -> None:
    one = spec(*pack(a=DATA))
    failed: set[ProxyRequest] = set()

    def once(asked: ProxyRequest) -> bytes | None:
        if asked in failed or "/attachments/" in asked.path:
            return None
        failed.add(asked)
        return response(status, "not now")

    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = once
        result = publisher(proxy.url, jobs=1).publish(one)
    assert result.state == "published"
    assert seen(forge_server, one.repo, "v1") == whole({"a": DATA})
    assert any(isinstance(event, Retrying) and event.what == "a" for event in events)


def test_a_failure_that_stays(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    one = spec(*pack(a=DATA))
    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = lambda asked: response(500, "the disk is full") if is_upload(asked) else None
        with pytest.raises(HeroBuildError, match=r"failed \(500\): the disk is full") as caught:
            publisher(proxy.url).publish(one)
        assert len([asked for asked in proxy.asked if asked.path.endswith("name=a")]) == 3  # as often as PATIENT says
    assert caught.value.code == 4
    assert "draft" in caught.value.hint
    assert seen(forge_server, one.repo, "v1") is None


def test_too_large(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    """The answer comes before all of the body is sent, and is read all the same."""
    one = spec(*pack(a=DATA * 4))
    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = lambda asked: response(413, "too large") if is_upload(asked) else None
        with pytest.raises(HeroBuildError, match=r"does not take a file of that size \(413\)") as caught:
            publisher(proxy.url, jobs=1).publish(one)
        assert len([asked for asked in proxy.asked if asked.path.endswith("name=a")]) == 1
    assert caught.value.code == 4
    assert "MAX_SIZE" in caught.value.hint


def test_a_server_that_stalls(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, events: list[Event]
) -> None:
    """It takes nothing and says nothing for longer than the limit; the next attempt finds it well."""
    one = spec(*pack(a=DATA * 8))
    stalled = threading.Event()
    over = threading.Event()

    def stall(asked: ProxyRequest) -> bytes | None:
        if not asked.path.endswith("name=a") or stalled.is_set():
            return None
        stalled.set()
        over.wait(LONG)
        return b""

    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = stall
        result = publisher(proxy.url, jobs=1, limits=IMPATIENT).publish(one)
        over.set()
    assert result.state == "published"
    assert seen(forge_server, one.repo, "v1") == whole({"a": DATA * 8})
    assert any(isinstance(event, Retrying) and event.what == "a" for event in events)


def test_a_file_that_changes_meanwhile(
    forge_server: ForgeServer, publisher: Make, spec: Publish, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)
    one = spec(release_file("a", path))
    for content in (DATA[:-1], DATA + b"more"):
        path.write_bytes(content)
        with pytest.raises(PublicationRefused, match="changed while it was uploaded"):
            publisher().publish(one)
    path.write_bytes(DATA[::-1])
    with pytest.raises(HeroBuildError, match="a has the sha256"):
        publisher().publish(one)
    path.unlink()
    with pytest.raises(PublicationRefused, match="cannot be read"):
        publisher().publish(one)
    assert seen(forge_server, one.repo, "v1") is None


def test_several_jobs_into_one_draft(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    """They begin together, each with a file of its own and one that all of them have."""
    jobs = [spec(*pack(**{f"p{n}": DATA, "shared": b"of all"}), draft=True) for n in range(4)]
    barrier = threading.Barrier(len(jobs))

    def job(number: int) -> PublishResult:
        result = publisher(jobs=2)
        barrier.wait(LONG)
        return result.publish(jobs[number])

    with ThreadPoolExecutor(len(jobs)) as pool:
        assert {result.state for result in pool.map(job, range(len(jobs)))} == {"draft"}
    assert len(drafts(forge_server, jobs[0].repo, "v1")) == 1
    names = {f"p{n}" for n in range(4)}
    publisher().finish(spec(), names)
    assert seen(forge_server, jobs[0].repo, "v1") == whole({**dict.fromkeys(names, DATA), "shared": b"of all"})


def test_published_meanwhile_by_someone_else(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    """The draft is published by hand while its files are on their way; what is shown in the end is right."""
    one = spec(*pack(a=DATA))
    with CuttingProxy(forge_server.url) as proxy:

        def meddle(asked: ProxyRequest) -> bytes | None:
            if is_upload(asked) and asked.path.endswith("name=a"):
                number = asked.path.split("/releases/")[1].split("/")[0]
                forge_server.api("PATCH", f"/repos/{one.repo}/releases/{number}", {"draft": False})
            return None

        proxy.answers = meddle
        assert publisher(proxy.url).publish(one).state == "published"
    assert seen(forge_server, one.repo, "v1") == whole({"a": DATA})


@pytest.mark.parametrize("moment", [("POST", _LIST, 1), ("GET", _RELEASE, 1), ("GET", _RELEASE, 2)])
def test_an_asset_that_comes_while_the_draft_is_verified_is_not_published(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, moment: tuple[str, str, int]
) -> None:
    """Somebody adds it before the checksum list is uploaded, or before the listings before and after that."""
    one = spec(*pack(a=DATA))
    method, pattern, count = moment
    matching: list[ProxyRequest] = []

    def meddle(asked: ProxyRequest) -> bytes | None:
        release = re.search(pattern, asked.path)
        if release and asked.method == method:
            matching.append(asked)
            if len(matching) == count:
                forge_server.upload(one.repo, release=int(release[1]), name="stray", content=b"stray")
        return None

    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = meddle
        with pytest.raises(HeroBuildError, match="stray"):
            publisher(proxy.url, jobs=1).publish(one)
    assert seen(forge_server, one.repo, "v1") is None
    publisher().publish(replace(one, clobber=True))  # which deletes it
    assert seen(forge_server, one.repo, "v1") == whole({"a": DATA})


def test_an_asset_that_comes_in_the_last_moment_is_reported(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    """After the last listing, and before the request that publishes."""
    one = spec(*pack(a=DATA))

    def meddle(asked: ProxyRequest) -> bytes | None:
        if asked.method == "PATCH" and (release := re.search(_RELEASE, asked.path)):
            forge_server.upload(one.repo, release=int(release[1]), name="stray", content=b"stray")
        return None

    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = meddle
        with pytest.raises(HeroBuildError, match="is not what was published: stray differs") as caught:
            publisher(proxy.url).publish(one)
    assert "delete" in caught.value.hint


def test_deleted_meanwhile(forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack) -> None:
    one = spec(*pack(a=DATA))
    with CuttingProxy(forge_server.url) as proxy:

        def meddle(asked: ProxyRequest) -> bytes | None:
            if is_upload(asked) and asked.path.endswith("name=a"):
                number = asked.path.split("/releases/")[1].split("/")[0]
                forge_server.api("DELETE", f"/repos/{one.repo}/releases/{number}")
            return None

        proxy.answers = meddle
        with pytest.raises(HeroBuildError, match="was deleted meanwhile") as caught:
            publisher(proxy.url, jobs=1).publish(one)
    assert caught.value.code == 3


def test_an_interrupt_ends_what_is_on_its_way() -> None:
    workers = WorkerPool(1)
    ended = threading.Event()

    def endless() -> None:
        progress = workers.cancellable(lambda size: None)
        _thread.interrupt_main()
        with suppress(TransferCancelled):
            while True:
                progress(1)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        workers.run_all([endless])
    assert ended.wait(LONG)


def test_what_failed_was_not_done(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, events: list[Event]
) -> None:
    one = spec(*pack(a=DATA))
    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = lambda asked: b"" if asked.path.endswith("name=a") else None
        with pytest.raises(HeroBuildError):
            publisher(proxy.url, jobs=1).publish(one)
    beside = 2 * len(whole({"a": DATA})["a.sha256"])
    assert sum(event.size for event in events if isinstance(event, Transferred)) in (0, beside)
