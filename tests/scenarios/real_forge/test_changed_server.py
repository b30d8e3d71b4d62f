"""A real server whose configuration differs: its own address is another one than --forge, and its pages are short."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hero_build.errors import ReleaseNotFound
from hero_build.events import silent
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import fetch
from hero_build.model.artifacts import GenericPackage
from hero_build.publish.forgejo import ForgejoPublisher
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.settings import Secret
from support.forge_server import ForgeServer, changed_server
from support.limits import PATIENT
from support.server_releases import Pack

DATA = bytes(range(256)) * 4000
Publish = Callable[..., ForgejoPublisher]


@pytest.fixture(scope="module")
def server() -> Iterator[ForgeServer]:
    with changed_server(server__ROOT_URL="http://forge.invalid:3000/git/", api__MAX_RESPONSE_ITEMS=3) as changed:
        yield changed


@pytest.fixture
def forge(server: ForgeServer) -> Iterator[Forgejo]:
    client = Forgejo(server.url, token=Secret(server.token), emit=silent, limits=PATIENT)
    yield client
    client.close()


@pytest.fixture
def publisher(server: ForgeServer) -> Iterator[ForgejoPublisher]:
    publisher = ForgejoPublisher(server.url, Secret(server.token), silent, limits=PATIENT, jobs=2)
    yield publisher
    publisher.close()


def spec(repo: str, files: tuple[ReleaseFile, ...], tag: str = "v1") -> ReleaseSpec:
    return ReleaseSpec("app", repo=repo, tag=tag, files=files)


def test_assets_of_a_private_repo_are_fetched_through_the_given_address(
    server: ForgeServer, forge: Forgejo, tmp_path: Path
) -> None:
    repo = server.create_repo(f"private-{uuid4().hex[:8]}", private=True)
    release = server.release(repo, "v1", {"data.bin": DATA})
    assert release["assets"][0]["browser_download_url"].startswith("http://forge.invalid:3000/git/")
    (asset,) = forge.find(Ref(repo)).assets
    assert asset.url == f"{server.url}/{repo}/releases/download/v1/data.bin"
    with DownloadDir(tmp_path) as downloads:
        assert fetch(forge, asset, downloads, limits=PATIENT).path.read_bytes() == DATA


def test_what_is_published_is_verified_through_the_given_address(
    server: ForgeServer, publisher: ForgejoPublisher, pack: Pack
) -> None:
    repo = server.create_repo(f"private-{uuid4().hex[:8]}", private=True)
    files = pack(a=DATA, b=b"b")
    first = publisher.publish(spec(repo, files))
    assert (first.state, set(first.uploaded)) == ("published", {"a", "a.sha256", "b", "b.sha256", "SHA256SUMS"})
    again = publisher.publish(spec(repo, files))
    assert (again.uploaded, again.removed) == ((), ())


def test_tags_and_versions_beyond_the_first_page(server: ForgeServer, forge: Forgejo) -> None:
    repo = server.create_repo(f"many-{uuid4().hex[:8]}")
    name = f"tool-{uuid4().hex[:8]}"
    for number in range(7):
        tag = f"v{number}.{number}77"
        server.api("POST", f"/repos/{repo}/releases", {"tag_name": tag, "target_commitish": "main"})
        server.package(name, tag, {"tool": b"1"})
    for tag in ("v0.077", "v3.377", "v6.677"):
        for ref in (Ref(repo, f"{tag}0"), Ref(repo, package=GenericPackage(server.user, name, f"{tag}0"))):
            with pytest.raises(ReleaseNotFound) as caught:
                forge.find(ref)
            assert tag in caught.value.hint


def test_a_draft_beyond_the_first_page_is_continued(
    server: ForgeServer, publisher: ForgejoPublisher, pack: Pack
) -> None:
    repo = server.create_repo(f"drafts-{uuid4().hex[:8]}")
    for number in range(8):
        server.release(repo, f"v{number}", {}, draft=True)
    drafts = [
        item for page in (1, 2, 3) for item in server.api("GET", f"/repos/{repo}/releases?draft=true&page={page}")
    ]
    assert len(drafts) == 8
    for tag in ("v0", "v7"):
        (draft,) = [item for item in drafts if item["tag_name"] == tag]
        assert publisher.publish(spec(repo, pack(a=b"a"), tag)).state == "published"
        assert server.api("GET", f"/repos/{repo}/releases/tags/{tag}")["id"] == draft["id"]
