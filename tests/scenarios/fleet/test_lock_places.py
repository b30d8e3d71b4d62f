"""A lock pins contents: the same file installs from a forge, from a mirror behind http, and from a folder."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from support import mirrors, roots, worlds
from support.fault_server import FaultServer, answer
from support.forge_server import ForgeServer
from support.static_server import StaticServer, serving
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


@pytest.fixture
def lock(world: World, tmp_path: Path) -> Path:
    """A lock file of both apps, written from a forge that is gone since."""
    file = tmp_path / "apps.lock"
    world.ok("lock", "@both", "-o", str(file))
    gone = file.read_text().replace(world.mirror.as_uri(), "http://127.0.0.1:9/gone")
    file.write_text(gone)
    return file


def contents(world: World) -> set[tuple[str, str]]:
    generation = roots.settled(world.root)
    return {(f.path, f.sha256) for part in generation.records.values() for e in part.entries for f in e.files}


def test_one_lock_installs_from_http_and_from_a_folder(
    world: World, lock: Path, mirror_server: StaticServer, tmp_path: Path
) -> None:
    assert "generation 1: db v2 (download), web v1 (download)" in world.ok(
        "install", "--locked", str(lock), "--at", f"{mirror_server.url}/"
    )
    assert len(mirror_server.served) == 3, "one request for each program, and no API"
    first = contents(world)
    shutil.rmtree(world.root.path)
    (copy := tmp_path / "copy with a space").mkdir()
    shutil.copytree(world.mirror / "o", copy / "o")
    world.ok("install", "--locked", str(lock), "--at", str(copy))
    assert contents(world) == first
    assert len(mirror_server.served) == 3


def test_contents_are_looked_for_by_digest_first(world: World, lock: Path, mirror_server: StaticServer) -> None:
    pinned = {item["sha256"] for app in json.loads(lock.read_text())["apps"].values() for item in app["assets"]}
    (store := world.mirror / "_store").mkdir()
    for path in world.mirror.glob("o/*/*/*"):
        path.rename(store / hashlib.sha256(path.read_bytes()).hexdigest())
    world.ok("install", "--locked", str(lock), "--at", mirror_server.url)
    assert sorted(mirror_server.paths) == sorted(f"/_store/{digest}" for digest in pinned)


def test_a_mirror_sends_what_is_compressed_and_says_what_it_lacks(world: World, tmp_path: Path) -> None:
    mirrors.release(world.mirror, app="web", tag="v2", files=mirrors.programs("v2", "web", size=300_000))
    copy, lock = tmp_path / "copy", tmp_path / "web.lock"
    world.ok("mirror", "web", str(copy))
    world.ok("lock", "web", "-o", str(lock))
    (asset,) = json.loads(lock.read_text())["apps"]["web"]["assets"]
    with serving(copy) as server:
        done = world.run("install", "--locked", str(lock), "--at", server.url)
        assert (done.code, server.paths) == (0, [f"/_store/{asset['sha256']}.zst"]), done.err
        assert "_store" not in done.err
        shutil.rmtree(copy / "_store")
        shutil.rmtree(world.root.path)
        done = world.run("install", "--locked", str(lock), "--at", server.url)
    assert done.code == 0
    sentence = f"warning: {server.url}/_store does not have {asset['name']}: it comes from the folder of its release"
    assert sentence in done.err.replace("\n  ", " ")


def test_one_lock_installs_from_a_forge(world: World, lock: Path, forge_server: ForgeServer, tmp_path: Path) -> None:
    for app, tag in (("db", "v2"), ("web", "v1")):
        repo = forge_server.create_repo(f"place-{app}")
        folder = world.mirror / "o" / app / tag
        forge_server.release(repo, tag, {path.name: path.read_bytes() for path in folder.iterdir()})
        lock.write_text(lock.read_text().replace(f'"o/{app}"', f'"{repo}"'))
    for path in world.recipes.glob("*.py"):
        path.write_text(path.read_text().replace('repo = "o/', f'repo = "{repo.partition("/")[0]}/place-'))
    assert "generation 1" in world.ok("install", "--locked", str(lock), "--at", forge_server.url)


def test_a_place_that_lacks_a_content(world: World, lock: Path, mirror_server: StaticServer) -> None:
    (world.mirror / "o" / "web" / "v1" / mirrors.asset("web")).unlink()
    done = world.run("install", "--locked", str(lock), "--at", mirror_server.url, "--json")
    (failed,) = worlds.valid(done.document)["failed"]
    assert (done.code, failed["kind"], failed["app"]) == (1, "AssetNotFound", "web")
    assert failed["message"] == f"{mirror_server.url} does not have {mirrors.asset('web')} of o/web v1"
    assert "hero-build mirror web@v1 DIR" in failed["hint"]
    assert {part.app for part in roots.settled(world.root).records} == {"db"}


@pytest.mark.parametrize("how", ["other", "half"])
def test_a_place_with_another_content(world: World, lock: Path, mirror_server: StaticServer, how: str) -> None:
    path = world.mirror / "o" / "web" / "v1" / mirrors.asset("web")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"!" if how == "other" else data[: len(data) // 2])
    done = world.run("install", "web", "--locked", str(lock), "--at", mirror_server.url)
    assert done.code == 5, done.err
    assert mirrors.asset("web") in done.err
    assert roots.settled(world.root).number == 0


def test_a_storage_that_answers_403_for_what_it_lacks(world: World, lock: Path, faults: FaultServer) -> None:
    for app in json.loads(lock.read_text())["apps"].values():
        for asset in app["assets"]:
            faults.on(f"/_store/{asset['sha256']}", answer(403, b"<Error><Code>AccessDenied</Code></Error>"))
    done = world.run("install", "--locked", str(lock), "--at", faults.url)
    assert done.code == 4
    assert "forbids the request (403)" in done.err


def test_places_that_are_not_there(world: World, lock: Path, tmp_path: Path) -> None:
    done = world.run("install", "--locked", str(lock), "--at", str(tmp_path / "no" / "disk"))
    assert done.code == 4
    assert "does not exist" in done.err
    assert "Is its disk mounted?" in done.err
    done = world.run("install", "web", "--locked", str(lock), "--at", "http://127.0.0.1:9")
    assert done.code == 4
    assert "the address in --at (http://127.0.0.1:9)" in done.err
    assert roots.settled(world.root).number == 0


@pytest.mark.parametrize("place", ["", "ftp://host", "https://user:word@host"])
def test_places_that_cannot_be_meant(world: World, lock: Path, place: str) -> None:
    done = world.run("install", "--locked", str(lock), "--at", place)
    assert done.code == 2
    assert "--at" in done.err
    assert "word" not in done.err


@pytest.mark.parametrize("option", ["--at", "--digest", "--trust"])
def test_options_of_a_lock_need_one(world: World, option: str) -> None:
    done = world.run("install", "db", option, "x")
    assert done.code == 2
    assert f"{option} goes with --locked" in done.err
