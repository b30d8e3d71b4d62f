"""The `_store` of a mirror behind a web server: compressed contents, broken downloads, bad contents."""

import hashlib
from pathlib import Path

import pytest

from hero_build.errors import ChecksumMismatch, SizeMismatch
from hero_build.events import Event, WarningRaised, silent
from hero_build.forge.compressed_store import CompressedStore
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.limits import Limits
from hero_build.forge.transfer import fetch
from hero_build.model.steps import Asset
from hero_build.system import zstd
from support.elf_files import program, static_bytes
from support.fault_server import FaultServer, reset_after, serve

CONTENT = static_bytes(program("app", "v1"), 300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PLAIN, PACKED, RELEASE = f"/_store/{DIGEST}", f"/_store/{DIGEST}.zst", "/o/app/v1/app"


class Client:
    """One that downloads the content from a mirror at `faults`, whose partial files are in `folder`."""

    def __init__(self, faults: FaultServer, folder: Path) -> None:
        limits = Limits(backoff=0.01)
        self.events: list[Event] = []
        forge = Forgejo(faults.url, token=None, emit=silent, limits=limits)
        self.forge = CompressedStore(forge, self.events.append)
        self.asset = Asset("app", url=faults.url + PLAIN, size=len(CONTENT), sha256=DIGEST)
        self.folder, self.limits = folder, limits

    def download(self) -> bytes:
        with DownloadDir(self.folder) as downloads:
            return fetch(self.forge, self.asset, downloads, limits=self.limits).path.read_bytes()


@pytest.fixture
def client(faults: FaultServer, tmp_path: Path) -> Client:
    return Client(faults, tmp_path / "partial")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("packed")
    return compressed(folder, CONTENT)


def compressed(folder: Path, content: bytes) -> bytes:
    (folder / "plain").write_bytes(content)
    (folder / "packed").unlink(missing_ok=True)
    zstd.compress(folder / "plain", folder / "packed")
    return (folder / "packed").read_bytes()


def test_the_compressed_content_is_all_that_is_sent(client: Client, faults: FaultServer, packed: bytes) -> None:
    faults.on(PACKED, serve(packed))
    assert client.download() == CONTENT
    assert faults.paths() == [PACKED]
    assert len(packed) < len(CONTENT) / 2


def test_what_is_not_there_compressed_is_there_as_it_is(client: Client, faults: FaultServer) -> None:
    faults.on(PLAIN, serve(CONTENT))
    assert client.download() == CONTENT
    assert faults.paths() == [PACKED, PLAIN]


def test_a_broken_download_goes_on_where_it_was(client: Client, faults: FaultServer, packed: bytes) -> None:
    faults.on(PACKED, reset_after(packed, len(packed) // 2))
    faults.on(PLAIN, serve(CONTENT))
    assert client.download() == CONTENT
    assert faults.paths() == [PACKED, PLAIN]


def test_a_later_run_goes_on_from_the_other_content(
    client: Client, faults: FaultServer, tmp_path: Path, packed: bytes
) -> None:
    faults.on(PLAIN, reset_after(CONTENT, 150_000), reset_after(b"", 0))
    with pytest.raises(Exception, match="app"):
        client.download()
    faults.seen.clear()
    faults.on(PACKED, serve(packed))
    faults.on(PLAIN, serve(CONTENT))
    assert Client(faults, tmp_path / "partial").download() == CONTENT
    (request,) = faults.seen
    assert (request.path, request.headers["range"][:7]) == (PLAIN, "bytes=1"), "the rest alone"


@pytest.mark.parametrize("damage", ["another content", "longer", "shorter", "not zstandard", "cut"])
def test_a_damaged_compressed_content_is_replaced_by_the_other_one(
    client: Client, faults: FaultServer, tmp_path: Path, packed: bytes, damage: str
) -> None:
    body = {
        "another content": lambda: compressed(tmp_path, CONTENT[:-1] + b"!"),
        "longer": lambda: compressed(tmp_path, CONTENT + bytes(5 << 20)),
        "shorter": lambda: compressed(tmp_path, CONTENT[:-1]),
        "not zstandard": lambda: b"<html>please log in</html>" * 99,
        "cut": lambda: packed[:-100],
    }[damage]()
    faults.on(PACKED, serve(body))
    faults.on(PLAIN, serve(CONTENT))
    assert client.download() == CONTENT
    assert faults.paths()[0] == PACKED
    assert faults.paths().count(PACKED) == 1
    if damage in ("another content", "not zstandard"):
        assert [event.text for event in client.events if isinstance(event, WarningRaised)] == [
            "the compressed app in the mirror is damaged: it is downloaded as it is"
        ]


def test_where_both_contents_are_damaged_the_hint_names_the_mirror(
    client: Client, faults: FaultServer, tmp_path: Path
) -> None:
    other = CONTENT[:-1] + b"!"
    faults.on(PACKED, serve(compressed(tmp_path, other)))
    faults.on(PLAIN, serve(other))
    with pytest.raises(ChecksumMismatch) as caught:
        client.download()
    assert "`hero-build mirror`" in caught.value.hint
    assert faults.paths() == [PACKED, PLAIN]


def test_another_content_is_refused(client: Client, faults: FaultServer, tmp_path: Path) -> None:
    other = CONTENT[:-1] + b"!"
    faults.on(PACKED, serve(compressed(tmp_path, other)))
    with pytest.raises(ChecksumMismatch):
        client.download()


def test_a_bomb_is_refused_by_the_known_size(client: Client, faults: FaultServer, tmp_path: Path) -> None:
    faults.on(PACKED, serve(compressed(tmp_path, bytes(64 << 20))))
    with pytest.raises(SizeMismatch, match="longer than its 300000 bytes"):
        client.download()
    assert sum(path.stat().st_size for path in (tmp_path / "partial").rglob("*") if path.is_file()) < 4 << 20


@pytest.mark.parametrize("body", [b"<html>please log in</html>" * 99, b"MZ"])
def test_what_is_not_zstandard_is_refused(client: Client, faults: FaultServer, body: bytes) -> None:
    faults.on(PACKED, serve(body))
    with pytest.raises((ChecksumMismatch, SizeMismatch)) as caught:
        client.download()
    assert caught.value.code == 5
    assert caught.value.hint


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_what_is_not_in_the_store_is_fetched_as_it_is(client: Client, faults: FaultServer, sha256: str | None) -> None:
    client.asset = Asset("app", url=faults.url + RELEASE, size=len(CONTENT), sha256=sha256)
    faults.on(RELEASE, serve(CONTENT))
    assert client.download() == CONTENT
    assert faults.paths() == [RELEASE]
