"""Assets of a server that misbehaves: resumed or started over, verified at the end, and never half complete."""

import dataclasses
import errno
import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hero_build.errors import (
    AssetNotFound,
    AuthError,
    BadForgeResponse,
    ChecksumMismatch,
    DiskFull,
    HeroBuildError,
    NetworkError,
    NotWritable,
    SizeMismatch,
)
from hero_build.events import Event, Retrying
from hero_build.forge import transfer
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.transfer import Downloaded
from hero_build.model.steps import Asset
from support.fault_server import (
    Behaviour,
    Connection,
    FaultServer,
    SeenRequest,
    answer,
    chunked,
    cut_after,
    dripping_body,
    gzipped,
    redirect,
    reset_after,
    serve,
    stall_after,
    truncated,
    until_closed,
)
from support.limits import PATIENT, QUICK, TOKEN

DATA = random.Random(1).randbytes(3_000_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
PATH = "/dl/v1/prog"


class Getting:
    """Fetches the same asset again and again, and records the progress."""

    def __init__(self, forge: Forgejo, faults: FaultServer, downloads: DownloadDir, events: list[Event]) -> None:
        self.forge = forge
        self.faults = faults
        self.downloads = downloads
        self.events = events
        self.asset = Asset("prog", url=f"{faults.url}{PATH}", size=len(DATA), id="id")
        self.moved: list[int] = []

    def __call__(self, *behaviours: Behaviour, sha256: str | None = DIGEST, asset: Asset | None = None) -> Downloaded:
        if behaviours:
            self.faults.on(PATH, *behaviours)
        self.moved.clear()
        return transfer.fetch(
            self.forge,
            asset or self.asset,
            self.downloads,
            sha256=sha256,
            progress=self.moved.append,
            limits=PATIENT,
            emit=self.events.append,
        )

    def refused(
        self, *behaviours: Behaviour, sha256: str | None = DIGEST, asset: Asset | None = None
    ) -> HeroBuildError:
        with pytest.raises(HeroBuildError) as caught:
            self(*behaviours, sha256=sha256, asset=asset)
        assert caught.value.hint
        assert TOKEN not in f"{caught.value.message} {caught.value.hint}"
        return caught.value

    def ranges(self) -> list[str]:
        return [seen.headers.get("range", "") for seen in self.faults.seen]

    def partials(self) -> list[str]:
        return [path.name for path in self.downloads.folder.iterdir() if path.is_file()]


@pytest.fixture
def get(forge: Forgejo, faults: FaultServer, downloads: DownloadDir, events: list[Event]) -> Getting:
    return Getting(forge, faults=faults, downloads=downloads, events=events)


@pytest.fixture
def impatient(faults: FaultServer, downloads: DownloadDir, events: list[Event]) -> Iterator[Getting]:
    """With a client that waits for two seconds."""
    client = Forgejo(faults.url, token=None, emit=events.append, limits=QUICK)
    yield Getting(client, faults=faults, downloads=downloads, events=events)
    client.close()


def is_whole(downloaded: Downloaded) -> bool:
    return (downloaded.sha256, downloaded.size, downloaded.path.read_bytes()) == (DIGEST, len(DATA), DATA)


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_an_asset_arrives(get: Getting, sha256: str | None) -> None:
    downloaded = get(serve(DATA), sha256=sha256)
    assert is_whole(downloaded)
    assert sum(get.moved) == len(DATA)
    assert max(get.moved) <= 1 << 20
    assert get.partials() == []


@pytest.mark.parametrize("body", [chunked(DATA), until_closed(DATA), serve(DATA, ranges=False), serve(DATA, etag="")])
def test_an_asset_arrives_in_whatever_way_it_is_sent(get: Getting, body: Behaviour) -> None:
    assert is_whole(get(body))


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_a_truncated_body_is_resumed(get: Getting, how: str, sha256: str | None) -> None:
    assert is_whole(get(cut_after(DATA, 1_000_000, how), serve(DATA), sha256=sha256))
    assert len(get.ranges()) == 2
    assert get.ranges()[1] == "bytes=1000000-" or how == "reset"  # an RST may drop what was on its way
    assert sum(get.moved) == len(DATA)
    assert [type(event) for event in get.events] == [Retrying]


def test_a_stall_is_resumed(impatient: Getting) -> None:
    assert is_whole(impatient(stall_after(DATA, 1_500_000), serve(DATA)))
    assert impatient.ranges() == ["", "bytes=1500000-"]


def test_stalls_for_ever_end(impatient: Getting) -> None:
    error = impatient.refused(stall_after(DATA, 0))
    assert isinstance(error, NetworkError)
    assert "no data for 2 s" in error.message
    assert len(impatient.ranges()) == QUICK.attempts


def test_attempts_go_on_as_long_as_they_get_anywhere(get: Getting) -> None:
    assert is_whole(get(*[truncated(DATA, 200_000)] * 14, serve(DATA)))
    assert len(get.faults.seen) == 15


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        (truncated(DATA, 0), SizeMismatch, "broke off after 0 of 3000000 bytes"),
        (serve(DATA[:-1]), SizeMismatch, "has 2999999 bytes, expected 3000000"),
        (serve(DATA + b"x"), SizeMismatch, "has 3000001 bytes, expected 3000000"),
        (chunked(DATA + b"x"), SizeMismatch, "is longer than its 3000000 bytes"),
        (chunked(DATA[:-1]), SizeMismatch, "broke off after 2999999"),
        (chunked(DATA[:5000], whole=False), SizeMismatch, "broke off"),
        (serve(b""), SizeMismatch, "is empty"),
        (serve(DATA[:-1] + b"?"), ChecksumMismatch, f"expected {DIGEST}"),
        (serve(b"<!DOCTYPE html>\n<title>Log in"), SizeMismatch, "it begins with '<!DOCTYPE html>'"),
        (reset_after(DATA, 0), NetworkError, "broke off"),
        (answer(500, b"oops"), NetworkError, "(500): oops"),
        (answer(429, b"later"), NetworkError, "(429): later"),
        (answer(401, b"who?"), AuthError, "(401): who?"),
        (answer(403, b"no"), AuthError, "(403): no"),
        (answer(404, b"gone"), AssetNotFound, "gone"),
        (answer(204), BadForgeResponse, "204"),
        (answer(206, b"x", {"Content-Range": "bytes 5-5/6"}), BadForgeResponse, "206"),
        (gzipped(DATA), BadForgeResponse, "gzip"),
        (redirect("/dl/v1/prog"), BadForgeResponse, "circle"),
        (answer(302), BadForgeResponse, "does not say where"),
    ],
)
def test_permanent_failures(get: Getting, behaviour: Behaviour, kind: type[HeroBuildError], words: str) -> None:
    error = get.refused(behaviour)
    assert isinstance(error, kind)
    assert words in error.message
    assert not list(get.downloads.folder.glob("run-*/*"))


def test_truncated_for_ever_ends(get: Getting) -> None:
    error = get.refused(serve(DATA[:10], ranges=False), asset=replace(get.asset, size=None))
    assert isinstance(error, ChecksumMismatch)
    asset = replace(get.asset, size=None, id="other")

    def without_range(line: Connection, seen: SeenRequest) -> None:
        truncated(DATA, 1000)(line, dataclasses.replace(seen, headers={}))

    assert isinstance(get.refused(without_range, asset=asset), SizeMismatch)
    assert len(get.faults.seen) <= 2 * PATIENT.attempts + 1


def test_an_empty_asset_is_not_even_asked_for(get: Getting) -> None:
    assert "is empty" in get.refused(serve(b""), asset=replace(get.asset, size=0)).message
    assert not get.faults.seen


def test_a_wrong_digest_leaves_nothing_behind(get: Getting) -> None:
    assert isinstance(get.refused(serve(DATA), sha256="0" * 64), ChecksumMismatch)
    assert get.partials() == []
    assert sum(get.moved) == 0
    assert len(get.faults.seen) == 1, "a whole body with a wrong digest is not asked for again"


def test_content_that_changes_while_it_breaks_off_is_started_over(get: Getting) -> None:
    other = bytes(len(DATA))
    assert is_whole(get(cut_after(other, 1_000_000, "close", etag='"old"'), serve(DATA, etag='"new"'), sha256=None))
    assert get.ranges() == ["", "bytes=1000000-", ""]
    assert min(get.moved) == -1_000_000
    assert sum(get.moved) == len(DATA)


def test_a_server_that_does_not_resume_is_started_over(get: Getting) -> None:
    assert is_whole(get(truncated(DATA, 1_000_000), serve(DATA, ranges=False), sha256=None))
    assert get.ranges() == ["", "bytes=1000000-"]


def test_content_that_changed_under_the_same_etag_is_found_by_its_digest(get: Getting) -> None:
    assert is_whole(get(cut_after(bytes(len(DATA)), 1_000_000, "close"), serve(DATA)))
    assert get.ranges() == ["", "bytes=1000000-", ""]


def wrong_range(first: int, total: int) -> Behaviour:
    return answer(206, DATA[first:], {"Content-Range": f"bytes {first}-{total - 1}/{total}", "ETag": '"one"'})


@pytest.mark.parametrize(
    "resumed",
    [
        wrong_range(999_999, len(DATA)),
        wrong_range(1_000_000, len(DATA) + 1),
        answer(206, b"x", {"ETag": '"one"'}),
        answer(206, b"x", {"ETag": '"one"', "Content-Range": "bytes 1000000-*/*"}),
        answer(416, b"", {"Content-Range": "bytes */10"}),
    ],
)
def test_a_range_that_is_not_the_one_is_started_over(get: Getting, resumed: Behaviour) -> None:
    assert is_whole(get(truncated(DATA, 1_000_000), resumed, serve(DATA), sha256=None))


def test_without_an_identity_only_a_digest_allows_to_go_on(get: Getting) -> None:
    assert is_whole(get(cut_after(DATA, 1_000_000, "close", etag=""), serve(DATA, etag=""), sha256=None))
    assert get.ranges() == ["", "bytes=1000000-", ""]
    get.faults.seen.clear()
    assert is_whole(get(cut_after(DATA, 1_000_000, "close", etag=""), serve(DATA, etag="")))
    assert get.ranges() == ["", "bytes=1000000-"]


def test_last_modified_is_an_identity_too(get: Getting) -> None:
    headers: dict[str, Any] = {"ETag": 'W/"weak"', "Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT"}

    def first_chunk(line: object, seen: object) -> None:
        line.head(200, {"Content-Length": len(DATA), **headers})  # type: ignore[attr-defined]
        line.send(DATA[:1_000_000])  # type: ignore[attr-defined]
        line.close()  # type: ignore[attr-defined]

    assert is_whole(get(first_chunk, serve(DATA, etag="", **headers), sha256=None))
    assert get.ranges() == ["", "bytes=1000000-"]


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_the_next_run_goes_on_where_this_one_ended(get: Getting, downloads: DownloadDir, sha256: str | None) -> None:
    get.refused(truncated(DATA, 1_000_000), *[answer(500)] * 20, sha256=sha256)
    assert len(get.partials()) == 1
    get.faults.seen.clear()
    with DownloadDir(downloads.folder) as next_run:
        get.downloads = next_run
        assert is_whole(get(serve(DATA), sha256=sha256))
        assert get.ranges() == ["bytes=1000000-"]
        assert sum(get.moved) == len(DATA)


def test_unused_downloads_are_reused_by_the_next_run(get: Getting, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    with DownloadDir(folder) as get.downloads:
        get(serve(DATA))
    get.faults.seen.clear()
    with DownloadDir(folder) as get.downloads:
        assert is_whole(get())
    assert get.faults.seen == [], "the digest verifies it: no request is needed"
    with DownloadDir(folder) as get.downloads:
        assert is_whole(get(serve(DATA), sha256=None)), (
            "another key: without a digest, what a digest proved is not looked at"
        )
    get.faults.seen.clear()
    with DownloadDir(folder) as get.downloads:
        assert is_whole(get(sha256=None))
    assert get.ranges() == [f"bytes={len(DATA) - 1}-"], "one byte shows whether it is still the same"
    with DownloadDir(folder) as get.downloads:
        changed = get(serve(bytes(len(DATA)), etag='"two"'), sha256=None)
        assert changed.path.read_bytes() == bytes(len(DATA))


def test_a_damaged_partial_is_fetched_anew(get: Getting, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    with DownloadDir(folder) as get.downloads:
        get(serve(DATA))
    (left,) = folder.iterdir()
    left.write_bytes(bytes(len(DATA)))
    with DownloadDir(folder) as get.downloads:
        assert is_whole(get())
        assert sum(get.moved) == len(DATA)


def test_a_run_that_was_killed_leaves_its_downloads_to_the_next(get: Getting, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    get.faults.on(PATH, serve(DATA))
    script = """
import os, signal, sys
from pathlib import Path
from hero_build.events import silent
from hero_build.forge import transfer
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.download_dir import DownloadDir
from hero_build.model.steps import Asset
folder, url, size, digest = sys.argv[1:]
with DownloadDir(Path(folder)) as downloads:
    forge = Forgejo(url.rpartition("/dl")[0], token=None, emit=silent)
    transfer.fetch(forge, Asset("prog", url, int(size), "id"), downloads, sha256=digest)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", script, str(folder), get.asset.url, str(len(DATA)), DIGEST]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    get.faults.seen.clear()
    with DownloadDir(folder) as get.downloads:
        assert is_whole(get())
    assert get.faults.seen == []


def test_two_at_once_never_write_one_file(get: Getting, forge: Forgejo, downloads: DownloadDir) -> None:
    get.faults.on(PATH, serve(DATA))
    with DownloadDir(downloads.folder) as other, ThreadPoolExecutor(8) as pool:
        folders = [downloads, other] * 4
        downloaded = list(pool.map(lambda folder: transfer.fetch(forge, get.asset, folder, limits=PATIENT), folders))
        assert len({arrived.path for arrived in downloaded}) == 8
        assert all(is_whole(arrived) for arrived in downloaded)


def test_the_token_goes_to_the_forge_and_not_to_a_redirects_host(get: Getting, another: FaultServer) -> None:
    another.on("/store/prog", serve(DATA))
    assert is_whole(get(redirect(f"{another.url}/store/prog")))
    assert get.faults.seen[0].headers["authorization"] == f"token {TOKEN}"
    assert "authorization" not in another.seen[0].headers


def test_the_token_does_not_go_to_a_foreign_address(get: Getting, another: FaultServer) -> None:
    another.on("/lib.so", serve(DATA))
    assert is_whole(
        get(asset=Asset("lib.so", url=f"{another.url}/lib.so", size=None, id="", sha256=DIGEST), sha256=None)
    )
    assert "authorization" not in another.seen[0].headers


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://h/x", "", "/etc/passwd", "http://", "data:,x", "http://a\n"]
)
def test_an_invalid_address(get: Getting, url: str) -> None:
    assert isinstance(get.refused(asset=replace(get.asset, url=url)), BadForgeResponse)


def test_a_body_that_drips_ends_at_the_deadline(
    faults: FaultServer, downloads: DownloadDir, events: list[Event]
) -> None:
    limits = replace(PATIENT, transfer=0.4, attempts=1)
    faults.on(PATH, dripping_body(1000))
    forge = Forgejo(faults.url, token=None, emit=events.append, limits=limits)
    with pytest.raises(NetworkError, match=r"more than 0\.4 s"):
        transfer.fetch(forge, Asset("prog", f"{faults.url}{PATH}", 1000), downloads, limits=limits)
    forge.close()


def test_progress_is_reported_before_a_slow_chunk_is_full(get: Getting) -> None:
    def slowly(line: object, seen: object) -> None:
        line.head(200, {"Content-Length": len(DATA)})  # type: ignore[attr-defined]
        line.send(DATA[:1000])  # type: ignore[attr-defined]
        for start in range(1000, 2000, 100):
            line.stopping.wait(0.06)  # type: ignore[attr-defined]
            line.send(DATA[start : start + 100])  # type: ignore[attr-defined]
        line.send(DATA[2000:])  # type: ignore[attr-defined]

    assert is_whole(get(slowly))
    assert get.moved[0] < 2000


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk(get: Getting) -> None:
    with file_size_limit(1 << 20):
        error = get.refused(serve(DATA))
    assert isinstance(error, DiskFull)
    assert get.partials() == [], "what fills the disk is removed"


def test_a_folder_that_is_not_writable(monkeypatch: pytest.MonkeyPatch, get: Getting) -> None:
    opened = os.open

    def refuse(path: object, flags: int, *rest: int, **names: int) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, *rest, **names)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    assert isinstance(get.refused(serve(DATA)), NotWritable)


def test_a_small_file_is_read_whole(forge: Forgejo, faults: FaultServer) -> None:
    asset = Asset("SHA256SUMS", f"{faults.url}/sums")
    faults.on("/sums", truncated(b"abc  prog\n", 4), answer(500), serve(b"abc  prog\n"))
    assert transfer.read_small(forge, asset, limits=PATIENT) == b"abc  prog\n"
    faults.on("/sums", serve(bytes((1 << 20) + 1)))
    with pytest.raises(BadForgeResponse, match="more than 1048576 bytes"):
        transfer.read_small(forge, asset, limits=PATIENT)


def test_connections_are_kept_and_replaced_when_they_end(get: Getting, faults: FaultServer) -> None:
    accepted = faults.accepted
    for number in range(5):
        get(serve(DATA), asset=replace(get.asset, id=str(number)))
    assert faults.accepted == accepted + 1
    faults.hang_up()
    assert is_whole(get(serve(DATA), asset=replace(get.asset, id="after")))
    assert faults.accepted == accepted + 2


def test_memory_stays_flat(faults: FaultServer, tmp_path: Path) -> None:
    size, piece = 512 << 20, bytes(1 << 20)

    def stream(line: Any, seen: object) -> None:
        line.head(200, {"Content-Length": size})
        for _ in range(size // len(piece)):
            line.send(piece)

    faults.on("/big", stream)
    script = """
import sys
from pathlib import Path
from hero_build.events import silent
from hero_build.forge import transfer
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.download_dir import DownloadDir
from hero_build.model.steps import Asset
with DownloadDir(Path(sys.argv[1])) as downloads:
    forge = Forgejo(sys.argv[2], token=None, emit=silent)
    print(transfer.fetch(forge, Asset("big", f"{sys.argv[2]}/big"), downloads).size)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "partial"), faults.url]
    downloaded, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert int(downloaded) == size
    assert int(peak) < 64 << 10, "kB, whatever the size of the asset"
