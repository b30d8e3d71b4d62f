"""Assets that are only links to another host: their size is not known before they are downloaded."""

import json
from pathlib import Path

import pytest

from support import mirrors
from support.fault_server import FaultServer, json_answer, serve
from support.worlds import World

NAMES = ("db", "db_admin")


@pytest.fixture(params=[True, False], ids=["with-checksums", "without"])
def linked(world: World, faults: FaultServer, another: FaultServer, request: pytest.FixtureRequest) -> dict[str, bytes]:
    """Release v1 of `o/db`, all of whose assets are links to `another`; the content of its programs."""
    world.recipe("db", *NAMES)
    files = mirrors.programs("v1", *NAMES)
    assets = {**files, "SHA256SUMS": mirrors.sums(files)} if request.param else files
    for name, content in assets.items():
        another.on(f"/mirrored/{name}", serve(content))
    links = [
        {
            "name": name,
            "size": 0,
            "uuid": name,
            "type": "external",
            "browser_download_url": f"{another.url}/mirrored/{name}",
        }
        for name in assets
    ]
    release = {"tag_name": "v1", "target_commitish": "main", "prerelease": False, "assets": links}
    faults.on("/api/v1/repos/o/db/releases/latest", json_answer(release))
    return files


def test_links_are_installed(world: World, faults: FaultServer, linked: dict[str, bytes]) -> None:
    words = ("--forge", faults.url, "install", "db", "--mode", "download", "--checksum", "if-present")
    assert "generation 1: db v1 (download)" in world.ok(*words)
    for name in NAMES:
        assert (world.root.path / "bin" / name).read_bytes() == linked[mirrors.asset(name)]


def test_lock_never_pins_the_size_0(
    world: World, faults: FaultServer, linked: dict[str, bytes], tmp_path: Path
) -> None:
    file = tmp_path / "db.lock"
    world.ok("--forge", faults.url, "lock", "db", "-o", str(file))
    document = json.loads(file.read_text())
    for asset in document["apps"]["db"]["assets"]:
        assert asset["size"] in (None, len(linked[asset["name"]]))
        assert asset["size"] != 0
    assert "generation 1: db v1 (download)" in world.ok("install", "--locked", str(file))


def test_a_lock_file_that_pins_the_size_0_of_a_link(
    world: World, faults: FaultServer, linked: dict[str, bytes], tmp_path: Path
) -> None:
    file = tmp_path / "db.lock"
    world.ok("--forge", faults.url, "lock", "db", "-o", str(file))
    document = json.loads(file.read_text())
    for asset in document["apps"]["db"]["assets"]:
        asset["size"] = 0
    file.write_text(json.dumps(document))
    assert "generation 1: db v1 (download)" in world.ok("install", "--locked", str(file))


def test_lock_refuses_an_asset_that_is_empty(world: World, faults: FaultServer, tmp_path: Path) -> None:
    world.recipe("db", *NAMES)
    files = {**mirrors.programs("v1", *NAMES), mirrors.asset("db"): b""}
    faults.release("o/db", "v1", {**files, "SHA256SUMS": mirrors.sums(files)})
    done = world.run("--forge", faults.url, "lock", "db", "-o", str(tmp_path / "db.lock"))
    assert done.code == 5
    assert "is empty" in done.err
    assert not (tmp_path / "db.lock").exists()


def test_links_are_mirrored_with_their_sizes(
    world: World, faults: FaultServer, linked: dict[str, bytes], tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    world.ok("--forge", faults.url, "mirror", "db", str(mirror))
    words = ("install", "db", "--mode", "download", "--checksum", "if-present")
    assert "generation 1: db v1 (download)" in world.ok("--forge", mirror.as_uri(), *words)
    assert (world.root.path / "bin" / "db").read_bytes() == linked[mirrors.asset("db")]
