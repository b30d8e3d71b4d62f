"""Publishing to a mirror and as a generic package: repeated, with more files, and with other files."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hero_build.errors import (
    AssetNotFound,
    AuthError,
    ChecksumMismatch,
    HeroBuildError,
    PublicationRefused,
    ReleaseNotFound,
    UsageError,
)
from hero_build.events import Event
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.mirror import Mirror
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import read_small
from hero_build.model.artifacts import GenericPackage
from hero_build.model.steps import Release
from hero_build.publish.mirror import MirrorPublisher
from hero_build.publish.packages import PackagePublisher
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.settings import Secret
from support.forge_server import ForgeServer
from support.limits import PATIENT
from support.server_releases import CuttingProxy, Pack, ProxyRequest, whole

Packages = Callable[..., PackagePublisher]
DATA = b"program" * 40_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def to_mirror(directory: Path, tmp_path: Path) -> MirrorPublisher:
    return MirrorPublisher(directory.as_uri(), lambda event: None)


@pytest.fixture
def to_packages(forge_server: ForgeServer, tmp_path: Path) -> Iterator[Packages]:
    result: list[PackagePublisher] = []

    def make(url: str = forge_server.url, token: str | None = forge_server.token) -> PackagePublisher:
        secret, events = Secret(token) if token else None, list[Event]()
        result.append(PackagePublisher(url, secret, events.append, limits=PATIENT, jobs=2))
        return result[-1]

    yield make
    for item in result:
        item.close()


def release(*files: ReleaseFile, tag: str = "v1", **extra: Any) -> ReleaseSpec:
    return ReleaseSpec("app", repo="o/app", tag=tag, files=files, **extra)


def content(forge: Mirror | Forgejo, files: Release) -> dict[str, bytes]:
    return {asset.name: read_small(forge, asset) for asset in files.assets}


def in_mirror(directory: Path, tag: str | None = None) -> dict[str, bytes]:
    forge = Mirror(directory.as_uri())
    return content(forge, forge.find(Ref("o/app", tag)))


def test_a_mirror_holds_what_was_published(to_mirror: MirrorPublisher, directory: Path, pack: Pack) -> None:
    result = to_mirror.publish(release(*pack(a=DATA, b=b"b"), target="a" * 40))
    assert in_mirror(directory) == whole({"a": DATA, "b": b"b"})
    assert Mirror(directory.as_uri()).find(Ref("o/app")).commit == "a" * 40
    assert result.kept == ()
    again = to_mirror.publish(release(*pack(a=DATA, b=b"b"), target="a" * 40))
    assert (again.changed, len(again.kept)) == (False, 5)
    assert to_mirror.finish(release(), ("a", "b")).state == "published"
    with pytest.raises(AssetNotFound):
        to_mirror.finish(release(), ("c",))


def test_a_mirror_takes_more_and_nothing_else(to_mirror: MirrorPublisher, directory: Path, pack: Pack) -> None:
    to_mirror.publish(release(*pack(a=DATA)))
    assert set(to_mirror.publish(release(*pack(b=b"b"))).uploaded) == {"b", "b.sha256", "SHA256SUMS"}
    assert in_mirror(directory) == whole({"a": DATA, "b": b"b"})
    with pytest.raises(PublicationRefused, match="with another a"):
        to_mirror.publish(release(*pack(a=b"other", c=b"c")))
    assert in_mirror(directory) == whole({"a": DATA, "b": b"b"})
    assert "a" in to_mirror.publish(release(*pack(a=b"other"), clobber=True)).removed
    assert in_mirror(directory) == whole({"a": b"other", "b": b"b"})


def test_the_newest_of_a_mirror(to_mirror: MirrorPublisher, directory: Path, pack: Pack) -> None:
    to_mirror.publish(release(*pack(a=b"1"), tag="v1"))
    to_mirror.publish(release(*pack(a=b"2"), tag="v2"))
    to_mirror.publish(release(*pack(a=b"3"), tag="v3-rc1", prerelease=True))
    to_mirror.publish(release(*pack(b=b"more"), tag="v1"))
    assert in_mirror(directory)["a"] == b"2"


def test_what_a_mirror_cannot_prove_does_not_appear(to_mirror: MirrorPublisher, directory: Path, pack: Pack) -> None:
    (good,) = pack(a=DATA)
    to_mirror.publish(release(good, tag="v1"))
    bad = ReleaseFile("b", path=good.path, sha256=hashlib.sha256(b"else").hexdigest(), size=good.size)
    for tag in ("v1", "v2"):
        with pytest.raises(ChecksumMismatch):
            to_mirror.publish(release(bad, tag=tag))
    assert in_mirror(directory, "v1") == whole({"a": DATA})
    with pytest.raises(ReleaseNotFound):
        in_mirror(directory, "v2")
    assert sorted(path.name for path in directory.iterdir()) == ["_store", "o"]
    assert bad.sha256 not in {path.name for path in (directory / "_store").iterdir()}


def test_a_mirror_has_no_drafts(to_mirror: MirrorPublisher, directory: Path, pack: Pack) -> None:
    with pytest.raises(UsageError, match="no drafts"):
        to_mirror.publish(release(*pack(a=DATA), draft=True))
    assert not directory.exists()


@pytest.fixture
def package(forge_server: ForgeServer) -> GenericPackage:
    return GenericPackage(forge_server.user, f"out-{uuid4().hex[:8]}", "1.0")


def in_package(server: ForgeServer, package: GenericPackage) -> dict[str, bytes]:
    forge = Forgejo(server.url, token=Secret(server.token), emit=lambda event: None, limits=PATIENT)
    try:
        return content(forge, forge.find(Ref("o/app", package=package)))
    finally:
        forge.close()


def there(server: ForgeServer, package: GenericPackage) -> dict[str, bytes]:
    """The same, where it may not be there at all."""
    try:
        return in_package(server, package)
    except ReleaseNotFound:
        return {}


def test_a_package_holds_what_was_published(
    forge_server: ForgeServer, to_packages: Packages, package: GenericPackage, pack: Pack
) -> None:
    first = to_packages().publish(release(*pack(a=DATA), package=package))
    assert first.uploaded == ("a", "a.sha256", "SHA256SUMS")
    assert in_package(forge_server, package) == whole({"a": DATA})
    assert not to_packages().publish(release(*pack(a=DATA), package=package)).changed
    more = to_packages().publish(release(*pack(a=DATA, b=b"b"), package=package))
    assert (set(more.uploaded), more.removed) == ({"b", "b.sha256", "SHA256SUMS"}, ("SHA256SUMS",))
    assert in_package(forge_server, package) == whole({"a": DATA, "b": b"b"})
    with pytest.raises(PublicationRefused, match="with another a"):
        to_packages().publish(release(*pack(a=b"other"), package=package))
    to_packages().publish(release(*pack(a=b"other"), package=package, clobber=True))
    assert in_package(forge_server, package) == whole({"a": b"other", "b": b"b"})
    with pytest.raises(AssetNotFound, match="lacks c"):
        to_packages().finish(release(package=package), ("a", "c"))


def test_a_package_is_verified(
    forge_server: ForgeServer, to_packages: Packages, package: GenericPackage, pack: Pack
) -> None:
    with CuttingProxy(forge_server.url) as proxy:
        proxy.spoil = lambda asked, body: body[:-1] + b"!" if len(body) == len(DATA) else body
        with pytest.raises(HeroBuildError, match="a has the sha256"):
            to_packages(proxy.url).publish(release(*pack(a=DATA), package=package))
    assert "a" not in there(forge_server, package)


def test_the_digests_of_a_package_come_from_its_server(
    forge_server: ForgeServer, to_packages: Packages, package: GenericPackage, pack: Pack
) -> None:
    with CuttingProxy(forge_server.url) as proxy:
        to_packages(proxy.url).publish(release(*pack(a=DATA, b=b"b"), package=package))
        downloads = [item.path for item in proxy.asked if item.method == "GET" and "/api/packages/" in item.path]
    assert [path.rpartition("/")[2] for path in downloads] == ["SHA256SUMS"]
    assert in_package(forge_server, package) == whole({"a": DATA, "b": b"b"})


def test_a_package_without_listed_digests_is_downloaded(
    forge_server: ForgeServer, to_packages: Packages, package: GenericPackage, pack: Pack
) -> None:
    def unlisted(asked: ProxyRequest) -> bytes | None:
        """The list of files of a server that hashes none."""
        body = b'[{"name": "a"}]'
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return head + body if put and asked.path.endswith("/files") else None

    def spoiled(asked: ProxyRequest, body: bytes) -> bytes:
        put.append(asked.path)
        return body[:-1] + b"!" if len(body) == len(DATA) else body

    put: list[str] = []
    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers, proxy.spoil = unlisted, spoiled
        with pytest.raises(ChecksumMismatch, match="a has the sha256"):
            to_packages(proxy.url).publish(release(*pack(a=DATA), package=package))
        downloads = [item.path for item in proxy.asked if item.method == "GET" and item.path.endswith("/a")]
    assert downloads
    assert "a" not in there(forge_server, package)


def test_a_package_is_cut_off_at_every_request(
    forge_server: ForgeServer, to_packages: Packages, package: GenericPackage, pack: Pack
) -> None:
    """The list of digests is there only once all that it lists is there and right."""
    number = 0
    while True:
        one = GenericPackage(package.owner, package.name, f"1.{number}")
        with CuttingProxy(forge_server.url, number, "after") as proxy:
            with suppress(HeroBuildError):
                to_packages(proxy.url).publish(release(*pack(a=DATA), package=one))
            if not proxy.dead:
                break
        files = there(forge_server, one)
        assert "SHA256SUMS" not in files or files == whole({"a": DATA})
        to_packages().publish(release(*pack(a=DATA), package=one))
        assert in_package(forge_server, one) == whole({"a": DATA})
        number += 1
    assert number > 5


def test_a_package_needs_a_token(to_packages: Packages, package: GenericPackage, pack: Pack) -> None:
    with pytest.raises(AuthError):
        to_packages(token=None).publish(release(*pack(a=DATA), package=package))
    with pytest.raises(UsageError):
        to_packages().publish(release(*pack(a=DATA)))
