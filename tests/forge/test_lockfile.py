"""A lock file: what is written is read back, what does not fit is refused, and finding sends no request."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hero_build.errors import NotWritable, ReleaseNotFound, UsageError
from hero_build.events import silent
from hero_build.forge import lockfile
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.lockfile import Lock, LockfileForge, Pin
from hero_build.forge.protocol import Forge, Ref
from hero_build.forge.transfer import read_small
from hero_build.model.artifacts import GenericPackage
from hero_build.model.steps import Asset, Release
from support.fault_server import FaultServer, serve
from support.limits import PATIENT

FORGE = "https://forge.example"
ASSET = Asset("prog", url=f"{FORGE}/prog", size=3, id="uuid", sha256="a" * 64)
PIN = Pin("app", Release(FORGE, repo="o/app", tag="v1", assets=(ASSET,), commit="b" * 40))
PACKED = Pin("zinit", Release(FORGE, repo="o/zinit", tag="dev", assets=()), GenericPackage("o", "zinit", "dev"))
LOCK = Lock("amd64", FORGE, (PIN, PACKED))


def no_forge() -> Forge:
    raise AssertionError("finding needs no forge")


def test_a_written_lock_file_is_read_back(tmp_path: Path) -> None:
    lockfile.write(tmp_path / "hero.lock", LOCK)
    assert lockfile.read(tmp_path / "hero.lock") == LOCK
    assert [path.name for path in tmp_path.iterdir()] == ["hero.lock"]


def test_finding_sends_no_request() -> None:
    forge = LockfileForge(LOCK, no_forge, Path("hero.lock"))
    assert forge.url == FORGE
    assert forge.find(Ref("o/app")) == forge.find(Ref("o/app", "v1")) == PIN.release
    assert forge.find(Ref("o/zinit", None, GenericPackage("o", "zinit", "dev"))) == PACKED.release


@pytest.mark.parametrize(
    "ref",
    [
        Ref("o/app", "v2"),
        Ref("o/other"),
        Ref("o/zinit"),
        Ref("o/app", None, GenericPackage("o", "app", "v1")),
        Ref("o/zinit", None, GenericPackage("o", "zinit", "v2")),
        Ref("o/zinit", None, GenericPackage("other", "zinit", "dev")),
    ],
)
def test_releases_that_are_not_pinned(ref: Ref) -> None:
    with pytest.raises(ReleaseNotFound) as caught:
        LockfileForge(LOCK, no_forge, Path("hero.lock")).find(ref)
    assert "lock file" in caught.value.message
    assert caught.value.hint


def test_opening_goes_to_a_forge_that_is_made_once(faults: FaultServer) -> None:
    faults.on("/prog", serve(b"abc"))
    forges: list[Forge] = []

    def make() -> Forge:
        forges.append(Forgejo(faults.url, token=None, emit=silent, limits=PATIENT))
        return forges[-1]

    forge = LockfileForge(LOCK, make, Path("hero.lock"))
    for _ in range(2):
        assert read_small(forge, Asset("prog", f"{faults.url}/prog"), limits=PATIENT) == b"abc"
    assert len(forges) == 1


def test_a_lock_file_costs_no_heavy_import(tmp_path: Path) -> None:
    lockfile.write(tmp_path / "hero.lock", LOCK)
    script = """
import sys
from pathlib import Path
from hero_build.forge import lockfile
from hero_build.forge.protocol import Ref
lockfile.LockfileForge(lockfile.read(Path(sys.argv[1])), lambda: None, None).find(Ref("o/app"))
print(sorted({"httpx", "tenacity", "rich", "http.client", "ssl", "email"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "hero.lock")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"


GOOD = json.loads(lockfile.encode(LOCK))
BAD: list[tuple[str, object]] = [
    ("schema", 2),
    ("schema", "1"),
    ("arch", None),
    ("forge", 1),
    ("apps", []),
    ("more", 1),
    ("apps.app", None),
    ("apps.app.repo", "../x"),
    ("apps.app.tag", "../x"),
    ("apps.app.tag", None),
    ("apps.app.commit", 1),
    ("apps.app.more", 1),
    ("apps.app.assets", {}),
    ("apps.app.assets.0", []),
    ("apps.app.assets.0.name", "../x"),
    ("apps.app.assets.0.name", "a\x1b[31m"),
    ("apps.app.assets.0.url", "ftp://x"),
    ("apps.app.assets.0.url", "/etc/passwd"),
    ("apps.app.assets.0.size", -1),
    ("apps.app.assets.0.size", True),
    ("apps.app.assets.0.size", "3"),
    ("apps.app.assets.0.sha256", "A" * 64),
    ("apps.app.assets.0.sha256", "a" * 63),
    ("apps.app.assets.0.id", None),
    ("apps.zinit.package.owner", "a/b"),
    ("apps.zinit.package.name", ".."),
    ("apps.zinit.package", "zinit"),
]


def with_value(place: str, value: object) -> Any:
    """The good document with another value at `place`, a path with dots."""
    document = copy.deepcopy(GOOD)
    *parents, last = place.split(".")
    item: Any = document
    for key in parents:
        item = item[int(key) if isinstance(item, list) else key]
    item[int(last) if isinstance(item, list) else last] = value
    return document


@pytest.mark.parametrize(("place", "value"), BAD)
def test_invalid_fields_are_refused(tmp_path: Path, place: str, value: object) -> None:
    path = tmp_path / "hero.lock"
    path.write_text(json.dumps(with_value(place, value)))
    with pytest.raises(UsageError) as caught:
        lockfile.read(path)
    assert str(path) in caught.value.message
    assert "hero-build lock" in caught.value.hint


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_invalid_documents_are_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "hero.lock").write_bytes(text)
    with pytest.raises(UsageError, match="is not a lock file"):
        lockfile.read(tmp_path / "hero.lock")


@pytest.mark.parametrize(
    ("place", "value", "path"),
    [
        ("schema", 2, "`$.schema`"),
        ("forge", 1, "`$.forge`"),
        ("more", 1, "unknown field `more`"),
        ("apps.app.assets", {}, "app app: Expected `array`, got `object` - at `$.assets`"),
        ("apps.app.assets.0.size", "3", "app app: Expected `int | null`, got `str` - at `$.assets[0].size`"),
        ("apps.app.assets.0.more", "3", "app app: Object contains unknown field `more` - at `$.assets[0]`"),
        ("apps.zinit.package", "zinit", "app zinit: Expected `object | null`, got `str` - at `$.package`"),
    ],
)
def test_the_refusal_names_the_field(tmp_path: Path, place: str, value: object, path: str) -> None:
    (tmp_path / "hero.lock").write_text(json.dumps(with_value(place, value)))
    with pytest.raises(UsageError) as caught:
        lockfile.read(tmp_path / "hero.lock")
    assert path in caught.value.message


@pytest.mark.parametrize("place", [*GOOD, *(f"apps.app.{key}" for key in GOOD["apps"]["app"])])
def test_every_field_is_required(tmp_path: Path, place: str) -> None:
    document: Any = copy.deepcopy(GOOD)
    *parents, last = place.split(".")
    item = document
    for key in parents:
        item = item[key]
    del item[last]
    (tmp_path / "hero.lock").write_text(json.dumps(document))
    with pytest.raises(UsageError, match=f"missing required field `{last}`"):
        lockfile.read(tmp_path / "hero.lock")


def test_two_tags_of_one_repo_are_refused() -> None:
    document = copy.deepcopy(GOOD)
    document["apps"]["again"] = {**document["apps"]["app"], "tag": "v2"}
    with pytest.raises(ValueError, match="o/app is pinned to two different releases"):
        lockfile.decode(json.dumps(document).encode())
    document["apps"]["again"]["tag"] = "v1"
    assert len(lockfile.decode(json.dumps(document).encode()).pins) == 3


def test_a_lock_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        lockfile.read(tmp_path / "hero.lock")
    with pytest.raises(UsageError, match="cannot be read"):
        lockfile.read(tmp_path)


def test_a_place_where_none_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable):
        lockfile.write(tmp_path / "file" / "hero.lock", LOCK)


TEXT = st.text("abcdefgh-._é", min_size=1, max_size=8).map(lambda text: f"n{text}n")
ASSETS = st.builds(
    Asset,
    TEXT,
    TEXT.map(lambda name: f"https://h/{name}"),
    st.none() | st.integers(1, 1 << 40),
    st.text(max_size=8),
    st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
)


@given(
    st.lists(
        st.tuples(TEXT, st.lists(ASSETS, max_size=3), st.none() | st.just("c" * 40), st.booleans()),
        max_size=4,
        unique_by=lambda item: item[0],
    )
)
def test_any_lock_comes_back_as_it_was(items: list[tuple[str, list[Asset], str | None, bool]]) -> None:
    pins = tuple(
        Pin(
            app,
            Release(FORGE, repo=f"o/{app}", tag="v1", assets=tuple(assets), commit=commit),
            GenericPackage("o", app, "v1") if packed else None,
        )
        for app, assets, commit, packed in items
    )
    lock = Lock("arm64", FORGE, pins)
    assert lockfile.decode(lockfile.encode(lock)) == lock


def test_a_size_of_0_is_neither_pinned_nor_believed() -> None:
    empty = Pin("app", Release(FORGE, repo="o/r", tag="v1", assets=(replace(ASSET, size=0),)))
    content = lockfile.encode(Lock("amd64", FORGE, (empty,)))
    assert b'"size": null' in content
    zero = content.replace(b'"size": null', b'"size": 0')
    assert lockfile.decode(zero).pins[0].release.assets[0].size is None
