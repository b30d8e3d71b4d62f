"""A directory as a forge: what is written is read back, and nothing outside of it is ever opened."""

import json
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero_build.errors import (
    AssetNotFound,
    BadForgeResponse,
    HeroBuildError,
    NetworkError,
    NotWritable,
    ReleaseNotFound,
    RepoNotFound,
    UnsafeName,
)
from hero_build.forge import mirror
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.mirror import Mirror
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import fetch, read_small
from hero_build.model.artifacts import GenericPackage
from hero_build.model.steps import Asset, Release

REPO = "o/r"
FILES = {"prog": b"the program", "SHA256SUMS": b"sums"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mir ror%2F"


@pytest.fixture
def forge(folder: Path) -> Mirror:
    return Mirror(folder.as_uri())


def publish(folder: Path, tag: str, files: dict[str, bytes] = FILES, *, latest: bool = True) -> Release:
    with tempfile.TemporaryDirectory() as source:
        for name, data in files.items():
            (Path(source) / name).write_bytes(data)
        assets = tuple(
            Asset(name, url=f"https://h/{name}", size=len(data), id=f"id-{name}") for name, data in files.items()
        )
        release = Release(
            "https://h", repo=REPO, tag=tag, assets=assets, commit="a" * 40, created="2026-11-21T00:00:00Z"
        )
        mirror.publish(folder, release, {name: Path(source) / name for name in files}, latest=latest)
    return release


def here(forge: Mirror, release: Release) -> Release:
    """The release as the mirror serves it: the same, except for the addresses."""
    return Release(
        forge.url,
        repo=release.repo,
        tag=release.tag,
        assets=tuple(
            Asset(asset.name, url=listed.url, size=asset.size, id=asset.id, sha256=asset.sha256)
            for asset, listed in zip(release.assets, forge.find(Ref(REPO, release.tag)).assets, strict=True)
        ),
        commit=release.commit,
        prerelease=release.prerelease,
        created=release.created,
    )


def refused(forge: Mirror, ref: Ref) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        forge.find(ref)
    assert caught.value.hint
    return caught.value


def test_a_published_release_is_found(folder: Path, forge: Mirror, tmp_path: Path) -> None:
    release = publish(folder, "v1")
    assert forge.find(Ref(REPO)) == forge.find(Ref(REPO, "v1")) == here(forge, release)
    with DownloadDir(tmp_path / "partial") as downloads:
        for asset in forge.find(Ref(REPO)).assets:
            assert fetch(forge, asset, downloads).path.read_bytes() == FILES[asset.name]
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_latest_names_the_newest_release(folder: Path, forge: Mirror) -> None:
    publish(folder, "v2")
    publish(folder, "v1", latest=False)
    assert forge.find(Ref(REPO)).tag == "v2"
    publish(folder, "v1")
    assert forge.find(Ref(REPO)).tag == "v1"
    assert (folder / REPO / "latest").read_text() == "v1\n"


def test_publishing_again_replaces_the_release(folder: Path, forge: Mirror) -> None:
    publish(folder, "v1", {"old": b"1"})
    publish(folder, "v1", {"new": b"22"})
    assert [path.name for path in sorted((folder / REPO / "v1").iterdir())] == ["new", "release.json"]
    assert [path.name for path in sorted((folder / REPO).iterdir())] == ["latest", "v1"]
    assert read_small(forge, forge.find(Ref(REPO)).assets[0]) == b"22"


def test_only_the_assets_that_are_there_are_listed(folder: Path, forge: Mirror, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    release = Release("https://h", repo=REPO, tag="v1", assets=(Asset("a", "https://h/a"), Asset("b", "https://h/b")))
    mirror.publish(folder, release, {"a": tmp_path / "a"}, latest=True)
    assert [asset.name for asset in forge.find(Ref(REPO)).assets] == ["a"]


def test_missing_mirror_repository_release_and_file(folder: Path, forge: Mirror) -> None:
    assert isinstance(refused(forge, Ref(REPO)), NetworkError)
    folder.mkdir()
    assert isinstance(refused(forge, Ref(REPO)), RepoNotFound)
    publish(folder, "v1", latest=False)
    assert isinstance(refused(forge, Ref(REPO)), ReleaseNotFound)
    assert "v1" in refused(forge, Ref(REPO)).hint
    error = refused(forge, Ref(REPO, "v2"))
    assert isinstance(error, ReleaseNotFound)
    assert error.hint == "Did you mean v1?"
    (folder / REPO / "v1" / "prog").unlink()
    with pytest.raises(AssetNotFound):
        read_small(forge, forge.find(Ref(REPO, "v1")).assets[0])


@pytest.mark.parametrize(
    "ref", [Ref("../x"), Ref("o/.."), Ref("o"), Ref(REPO, "../v1"), Ref(REPO, "a\0"), Ref(REPO, "..")]
)
def test_hostile_names_are_refused(folder: Path, forge: Mirror, ref: Ref) -> None:
    publish(folder, "v1")
    assert isinstance(refused(forge, ref), UnsafeName)


@pytest.mark.parametrize("latest", ["../v1", "", "\0", "a\nb", "/etc"])
def test_a_hostile_latest_is_refused(folder: Path, forge: Mirror, latest: str) -> None:
    publish(folder, "v1")
    (folder / REPO / "latest").write_text(latest)
    assert isinstance(refused(forge, Ref(REPO)), BadForgeResponse)


@pytest.mark.parametrize("document", [b"", b"[]", b"{", b'{"tag_name": "v2", "assets": []}', b"\xff"])
def test_a_broken_document_is_refused(folder: Path, forge: Mirror, document: bytes) -> None:
    publish(folder, "v1")
    (folder / REPO / "v1" / "release.json").write_bytes(document)
    assert isinstance(refused(forge, Ref(REPO)), BadForgeResponse)


def test_assets_in_the_document_cannot_lead_out(folder: Path, forge: Mirror, tmp_path: Path) -> None:
    publish(folder, "v1")
    path = folder / REPO / "v1" / "release.json"
    document = json.loads(path.read_text())
    document["assets"] = [{"name": name} for name in ("../../../../secret", "/etc/passwd", "..", "a\0", "prog")]
    path.write_text(json.dumps(document))
    assert [asset.name for asset in forge.find(Ref(REPO)).assets] == ["prog"]
    (tmp_path / "secret").write_text("secret")
    for url in (
        (tmp_path / "secret").as_uri(),
        f"{forge.url}/../secret",
        "file:///etc/passwd",
        "file:a",
        "file:///%00",
    ):
        with pytest.raises(UnsafeName):
            read_small(forge, Asset("prog", url))


def test_links_out_of_the_mirror_are_refused(folder: Path, forge: Mirror, tmp_path: Path) -> None:
    publish(folder, "v1")
    (tmp_path / "secret").write_text("secret")
    place = folder / REPO / "v1"
    (place / "prog").unlink()
    (place / "prog").symlink_to(tmp_path / "secret")
    with pytest.raises(UnsafeName, match="leads out of the mirror"):
        read_small(forge, forge.find(Ref(REPO)).assets[0])
    (place / "prog").unlink()
    (place / "prog").symlink_to("prog")
    with pytest.raises(UnsafeName):
        read_small(forge, Asset("prog", (place / "prog").as_uri()))
    place.rename(tmp_path / "v1")
    place.symlink_to(tmp_path / "v1")
    assert isinstance(refused(forge, Ref(REPO)), UnsafeName)


def test_an_asset_may_be_resumed_and_its_identity_follows_the_file(folder: Path, forge: Mirror) -> None:
    publish(folder, "v1", {"prog": b"0123456789"})
    asset = forge.find(Ref(REPO)).assets[0]
    with forge.open(asset, 4) as body:
        assert (body.start, body.total, b"".join(bytes(piece) for piece in body.chunks())) == (4, 10, b"456789")
        before = body.identity
    publish(folder, "v1", {"prog": b"9876543210"})
    with forge.open(asset) as body:
        assert body.identity != before


def test_packages_and_pinned_files(folder: Path, forge: Mirror, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    package = GenericPackage("o", "zinit", "dev")
    release = Release(
        "https://h",
        repo="o/zinit",
        tag="dev",
        assets=(Asset("f", url="https://h/f", size=3, id="b" * 64, sha256="b" * 64),),
    )
    mirror.publish_package(folder, package, release, {"f": tmp_path / "f"})
    listed = forge.find(Ref("o/zinit", None, package))
    assert (listed.tag, listed.assets[0].sha256, listed.assets[0].id) == ("dev", "b" * 64, "b" * 64)
    assert read_small(forge, listed.assets[0]) == b"abc"
    (folder / "api/packages/o/generic/zinit/dev/files.json").unlink()
    assert [(asset.name, asset.size) for asset in forge.find(Ref("o/zinit", None, package)).assets] == [("f", 3)]
    assert "dev" in refused(forge, Ref("o/zinit", None, GenericPackage("o", "zinit", "dev2"))).hint
    pinned = Asset("lib.so", url="https://elsewhere.example/lib.so", size=None, id="", sha256="c" * 64)
    with pytest.raises(AssetNotFound):
        read_small(forge, pinned)
    mirror.publish_pinned(folder, "c" * 64, tmp_path / "f")
    assert read_small(forge, pinned) == b"abc"


def test_names_that_a_mirror_cannot_hold(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    for tag, name in (("latest", "f"), ("v1", "release.json"), ("v1", "../f"), ("../v1", "f")):
        release = Release("https://h", repo=REPO, tag=tag, assets=(Asset(name, "https://h/f"),))
        with pytest.raises(UnsafeName):
            mirror.publish(folder, release, {name: tmp_path / "f"}, latest=True)
    assert not (folder / REPO / "latest").exists()


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable):
        publish(tmp_path / "file", "v1")


NAMES = st.text(string.ascii_letters + "._-+% éß'\"&?#", min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..", "release.json")
)


@settings(max_examples=40, deadline=None)
@given(
    st.text(string.ascii_letters + "-+%&#é/", min_size=1, max_size=12).filter(
        lambda tag: "//" not in tag and tag.strip("/") == tag and tag != "latest" and not tag.startswith("-")
    ),
    st.dictionaries(NAMES, st.binary(max_size=30), max_size=4),
    st.booleans(),
    st.sampled_from(["b" * 64, None]),
)
def test_any_release_comes_back_as_it_was(
    tag: str, files: dict[str, bytes], prerelease: bool, sha256: str | None
) -> None:
    with tempfile.TemporaryDirectory() as base:
        folder, source = Path(base) / "m", Path(base)
        paths = {}
        for number, (name, data) in enumerate(files.items()):
            paths[name] = source / str(number)
            paths[name].write_bytes(data)
        assets = tuple(
            Asset(name, url="https://h/x", size=len(data), id=name, sha256=sha256) for name, data in files.items()
        )
        release = Release("https://h", repo=REPO, tag=tag, assets=assets, commit=None, prerelease=prerelease)
        mirror.publish(folder, release, paths, latest=True)
        forge = Mirror(folder.as_uri())
        listed = forge.find(Ref(REPO))
        assert listed == here(forge, release)
        assert [read_small(forge, asset) for asset in listed.assets] == list(files.values())
