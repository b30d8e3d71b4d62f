"""The client against a real server: what it says of releases, tokens, renamed repos and packages, and its downloads."""

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hero_build.errors import AssetNotFound, AuthError, HeroBuildError, ReleaseNotFound, RepoNotFound
from hero_build.events import Event, WarningRaised, silent
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import fetch, read_small
from hero_build.model.artifacts import GenericPackage
from hero_build.settings import Secret
from support.elf_files import program, static_bytes
from support.forge_server import ForgeServer
from support.limits import PATIENT

DATA = random.Random(2).randbytes(5_000_000)
ELF = "prog-linux-amd64-musl"


@pytest.fixture(scope="module")
def repo(forge_server: ForgeServer) -> str:
    """A public repo with two releases, a prerelease and a draft."""
    made = forge_server.create_repo(f"public-{uuid4().hex[:8]}")
    forge_server.release(made, "v0.1.0", {ELF: static_bytes(program("prog", "v0.1.0"))})
    files = {ELF: static_bytes(program("prog", "v0.2.0")), "data.bin": DATA, "a b+c%.txt": b"odd", "x/../y": b"unsafe"}
    forge_server.release(made, "v0.2.0", files)
    forge_server.release(made, "v0.3.0-rc1", {"data.bin": b"early"}, prerelease=True)
    forge_server.release(made, "v0.4.0", {"data.bin": b"not yet"}, draft=True)
    return made


@pytest.fixture(scope="module")
def private(forge_server: ForgeServer) -> str:
    made = forge_server.create_repo(f"private-{uuid4().hex[:8]}", private=True)
    forge_server.release(made, "v1", {"data.bin": DATA})
    return made


@pytest.fixture
def client(forge_server: ForgeServer) -> Iterator[Callable[[str | None], Forgejo]]:
    """Makes clients with or without a token."""
    made: list[Forgejo] = []

    def make(token: str | None = None) -> Forgejo:
        made.append(Forgejo(forge_server.url, token=Secret(token) if token else None, emit=silent, limits=PATIENT))
        return made[-1]

    yield make
    for forge in made:
        forge.close()


Clients = Callable[..., Forgejo]


def refused(forge: Forgejo, ref: Ref) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        forge.find(ref)
    return caught.value


def test_the_newest_is_neither_draft_nor_prerelease(client: Clients, repo: str) -> None:
    release = client().find(Ref(repo))
    assert (release.tag, release.prerelease, release.repo) == ("v0.2.0", False, repo)
    assert {asset.name for asset in release.assets} == {ELF, "data.bin", "a b+c%.txt"}
    assert all(asset.id and asset.url.startswith("http://127.0.0.1") for asset in release.assets)


def test_unsafe_names_are_told(forge_server: ForgeServer, repo: str) -> None:
    events: list[Event] = []
    forge = Forgejo(forge_server.url, token=None, emit=events.append, limits=PATIENT)
    forge.find(Ref(repo))
    forge.close()
    assert next(event.text for event in events if isinstance(event, WarningRaised)).count("'x/../y'") == 1


def test_by_tag(client: Clients, repo: str, downloads: DownloadDir) -> None:
    release = client().find(Ref(repo, "v0.1.0"))
    assert release.tag == "v0.1.0"
    got = fetch(client(), release.assets[0], downloads)
    assert got.path.read_bytes() == static_bytes(program("prog", "v0.1.0"))
    assert client().find(Ref(repo, "v0.3.0-rc1")).prerelease


def test_a_draft_is_seen_with_a_token_only(client: Clients, forge_server: ForgeServer, repo: str) -> None:
    error = refused(client(), Ref(repo, "v0.4.0"))
    assert isinstance(error, ReleaseNotFound)
    assert "v0.4.0" not in error.hint
    draft = client(forge_server.token).find(Ref(repo, "v0.4.0"))
    assert read_small(client(forge_server.token), draft.assets[0]) == b"not yet"


def test_an_unknown_tag_names_its_neighbours(client: Clients, repo: str) -> None:
    error = refused(client(), Ref(repo, "v0.2.1"))
    assert isinstance(error, ReleaseNotFound)
    assert "v0.2.0" in error.hint
    error = refused(client(), Ref(repo, "V0.2.0"))
    assert isinstance(error, ReleaseNotFound), "the server finds it, but that is another tag"
    assert error.hint == "Did you mean v0.2.0?"


def test_a_tag_with_a_slash(client: Clients, forge_server: ForgeServer, downloads: DownloadDir) -> None:
    made = forge_server.create_repo(f"slash-{uuid4().hex[:8]}")
    forge_server.release(made, "rel/1.0+x", {"data.bin": b"abc"})
    release = client().find(Ref(made, "rel/1.0+x"))
    assert release == client().find(Ref(made))
    assert fetch(client(), release.assets[0], downloads).path.read_bytes() == b"abc"


def test_no_repo_and_no_release(client: Clients, forge_server: ForgeServer) -> None:
    assert isinstance(refused(client(), Ref("nobody/nothing")), RepoNotFound)
    made = forge_server.create_repo(f"empty-{uuid4().hex[:8]}")
    error = refused(client(), Ref(made))
    assert isinstance(error, ReleaseNotFound)
    assert error.message == f"{made} has no release"
    forge_server.release(made, "v1", {}, draft=True)
    assert isinstance(refused(client(), Ref(made)), ReleaseNotFound)


def test_a_private_repo(client: Clients, forge_server: ForgeServer, private: str, downloads: DownloadDir) -> None:
    error = refused(client(), Ref(private))
    assert isinstance(error, RepoNotFound)
    assert "FORGEJO_TOKEN" in error.hint
    forge = client(forge_server.token)
    release = forge.find(Ref(private))
    with pytest.raises(AssetNotFound) as caught:
        fetch(client(), release.assets[0], downloads, limits=PATIENT)
    assert "FORGEJO_TOKEN" in caught.value.hint
    assert fetch(forge, release.assets[0], downloads).sha256 == hashlib.sha256(DATA).hexdigest()


def test_a_bad_token_is_refused_even_for_what_is_public(client: Clients, repo: str) -> None:
    error = refused(client("0" * 40), Ref(repo))
    assert isinstance(error, AuthError)
    assert "unset it" in error.hint
    release = client().find(Ref(repo))
    with pytest.raises(AuthError):
        read_small(client("0" * 40), release.assets[0], limits=PATIENT)


def test_a_token_without_the_scope(client: Clients, forge_server: ForgeServer, private: str) -> None:
    token = forge_server.limited_token(f"narrow-{uuid4().hex[:8]}", ["read:notification"])
    error = refused(client(token), Ref(private))
    assert isinstance(error, AuthError)
    assert "read:repository" in error.hint
    enough = forge_server.limited_token(f"enough-{uuid4().hex[:8]}", ["read:repository"])
    assert client(enough).find(Ref(private)).tag == "v1"


def test_a_renamed_repo_is_still_found(client: Clients, forge_server: ForgeServer, downloads: DownloadDir) -> None:
    old = forge_server.create_repo(f"old-{uuid4().hex[:8]}", private=True)
    forge_server.release(old, "v1", {"data.bin": b"abc"})
    forge_server.rename_repo(old, f"new-{uuid4().hex[:8]}")
    forge = client(forge_server.token)
    release = forge.find(Ref(old))
    assert (release.repo, release.tag) == (old, "v1")
    assert forge.find(Ref(old, "v1")) == release
    assert fetch(forge, release.assets[0], downloads).path.read_bytes() == b"abc"


def test_two_assets_of_one_name_are_both_told(client: Clients, forge_server: ForgeServer) -> None:
    made = forge_server.create_repo(f"twice-{uuid4().hex[:8]}")
    forge_server.release(made, "v1", [("data.bin", b"1"), ("data.bin", b"2")])
    assets = client().find(Ref(made)).assets
    assert [asset.name for asset in assets] == ["data.bin", "data.bin"]
    assert len({asset.id for asset in assets}) == 2


def test_a_package(client: Clients, forge_server: ForgeServer, downloads: DownloadDir) -> None:
    name = f"tool-{uuid4().hex[:8]}"
    forge_server.package(name, "dev", {"tool-linux-amd64": DATA, "b c": b"2"})
    forge = client(forge_server.token)
    release = forge.find(Ref("o/tool", None, GenericPackage(forge_server.user, name, "dev")))
    (asset,) = [asset for asset in release.assets if asset.name == "tool-linux-amd64"]
    assert (asset.size, asset.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert fetch(forge, asset, downloads).sha256 == asset.sha256
    assert {asset.name for asset in release.assets} == {"tool-linux-amd64", "b c"}
    error = refused(forge, Ref("o/tool", None, GenericPackage(forge_server.user, name, "devel")))
    assert isinstance(error, ReleaseNotFound)
    assert error.hint == "Did you mean dev?"
    assert isinstance(refused(forge, Ref("o/tool", None, GenericPackage("nobody", name, "dev"))), ReleaseNotFound)


def test_a_package_without_a_token(client: Clients, forge_server: ForgeServer, downloads: DownloadDir) -> None:
    """The server lists packages to token holders only, and gives the files to everyone."""
    package = GenericPackage(forge_server.user, f"tool-{uuid4().hex[:8]}", "dev")
    forge_server.package(package.name, "dev", {"tool": DATA, "b c": b"2"})
    names = ("tool", "b c", "tool-of-old", "../tool")
    release = client().find(Ref("o/tool", tag=None, package=package, names=names))
    assert [(asset.name, asset.size) for asset in release.assets] == [("tool", len(DATA)), ("b c", 1)]
    assert all(asset.id for asset in release.assets)
    assert fetch(client(), release.assets[0], downloads).sha256 == hashlib.sha256(DATA).hexdigest()
    assert isinstance(refused(client(), Ref("o/tool", None, package)), AuthError), "no names, no list"
    error = refused(client(), Ref("o/tool", tag=None, package=GenericPackage("nobody", "tool", "dev"), names=names))
    assert isinstance(error, ReleaseNotFound)
    assert "FORGEJO_TOKEN" in error.hint


@pytest.mark.parametrize("known", [True, False])
def test_a_download_is_gone_on_with(client: Clients, repo: str, tmp_path: Path, known: bool) -> None:
    """Broken off by the progress callback, as an interrupt does; then by another run."""
    (asset,) = [asset for asset in client().find(Ref(repo)).assets if asset.name == "data.bin"]
    digest = hashlib.sha256(DATA).hexdigest() if known else None
    moved: list[int] = []

    def interrupt(size: int) -> None:
        moved.append(size)
        if sum(moved) > 2_000_000:
            raise KeyboardInterrupt

    with DownloadDir(tmp_path) as first, pytest.raises(KeyboardInterrupt):
        fetch(client(), asset, first, sha256=digest, progress=interrupt)
    arrived = sum(moved)
    moved.clear()
    with DownloadDir(tmp_path) as second:
        got = fetch(client(), asset, second, sha256=digest, progress=moved.append)
        assert got.path.read_bytes() == DATA
    assert sum(moved[: -(-arrived // (1 << 20))]) == arrived, "what was there counts first"
    assert sum(moved) == len(DATA)
    with client().open(asset, 4_999_990) as body:
        assert (body.start, body.total) == (4_999_990, len(DATA))
        assert b"".join(bytes(piece) for piece in body.chunks()) == DATA[4_999_990:]
    with client().open(asset, 5_000_000) as body:
        assert body.start == 0, "a range past the end (416) is all of it"


def test_tags_are_read_page_by_page(client: Clients, forge_server: ForgeServer) -> None:
    made = forge_server.create_repo(f"many-{uuid4().hex[:8]}")
    for number in range(53):
        release = {"tag_name": f"v{number}.{number * 7}", "target_commitish": "main"}
        forge_server.api("POST", f"/repos/{made}/releases", release)
    error = refused(client(), Ref(made, "v0.00"))
    assert isinstance(error, ReleaseNotFound)
    assert "v0.0" in error.hint, "it is on the second page"
