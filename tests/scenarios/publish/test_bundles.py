"""The shell and the islands, published by the real command with the real toolchain, and installed from there."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import desktops, publish_cli, wasm_toolchain, worlds
from support.worlds import World

pytestmark = [pytest.mark.timeout(1800)]
ISLANDS = ("island_greeter", "island_shouter")


@pytest.fixture(autouse=True)
def both_recipes(world: World, plain_tools: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both apps of the desktop, to be built; the toolchain is first on PATH."""
    monkeypatch.setenv("PATH", f"{wasm_toolchain.ready()}{os.pathsep}{os.environ['PATH']}")
    desktops.add_recipes(world)
    recipe = world.recipes / "hero_os.py"
    recipe.write_text(f'{recipe.read_text()}    libc = "gnu"\n')
    yield
    for compiled in world.folder.glob("*-target"):  # a hundred megabytes that nobody looks at afterwards
        shutil.rmtree(compiled)


def released(world: World, app: str) -> dict[str, bytes]:
    place = world.folder / "out" / "o" / app / "v1"
    return {path.name: path.read_bytes() for path in place.iterdir()}


def test_islands_in_shards(world: World, tmp_path: Path) -> None:
    """Each shard is a job of its own; what is installed from the release is what a build here would be."""
    code = desktops.sources(world, "greeter", "shouter")
    one = publish_cli.Person(world, code.environ)
    one.ok("islands", "--mode", "source")
    matrix = one.ok("ci", "matrix", "hero_archipelagos", "--shards", "2", "--json")
    entries = worlds.valid(matrix.document, "matrix")["include"]
    assert sorted(name for entry in entries for name in entry["islands"]) == sorted(ISLANDS)
    for entry in entries:
        job = {**entry, "islands": " ".join(entry["islands"])}
        words = ("--to", publish_cli.out(world), "--matrix", json.dumps(job))
        one.ok("publish", "hero_archipelagos", "--tag", "v1", *words)
    files = released(world, "hero_archipelagos")
    assert {f"{name}-wasm.tar.gz" for name in ISLANDS} < set(files)
    for number in (1, 2):
        assert f"hero_archipelagos-islands-{number}of2.build.json" in files

    person = publish_cli.buyer(world, publish_cli.out(world))
    person.ok("islands", "--mode", "download")
    person.ok("verify")
    assert desktops.there(person.world) == sorted(ISLANDS)
    for name in ISLANDS:
        assert desktops.bundle(person.world, name) == desktops.bundle(world, name)
    bundles = publish_cli.manifest(person)["hero_archipelagos"]["bundles"]
    commit = publish_cli.manifest(one)["hero_archipelagos"]["bundles"][ISLANDS[0]]["source"]["commit"]
    assert {bundles[name]["source"]["commit"] for name in ISLANDS} == {commit}
    assert bundles[ISLANDS[0]]["build"]["fingerprint"]["toolchain"]

    report = publish_cli.document(person.ok("verify", "--against-release", "--json"))
    assert [part["differs"] for part in report["against"]["parts"]] == [[], []]
    report = publish_cli.document(one.ok("verify", "--against-release", "--json", "--forge", publish_cli.out(world)))
    assert [part["differs"] for part in report["against"]["parts"]] == [[], []]  # built here, downloaded and unpacked

    again = World(tmp_path / "again")  # the archive is the same on another machine
    other = publish_cli.Person(
        again, {**code.environ, "HERO_RECIPES": str(world.recipes), "FORGEJO_URL": world.mirror.as_uri()}
    )
    for name in ISLANDS:
        installed = world.root.path / desktops.ISLANDS / name
        shutil.copytree(installed, tmp_path / "dist" / name, copy_function=shutil.copyfile)
    other.ok(
        "publish", "hero_archipelagos", "--tag", "v1", "--to", publish_cli.out(again), "--from", str(tmp_path / "dist")
    )
    for name in ISLANDS:
        asset = f"{name}-wasm.tar.gz"
        assert released(again, "hero_archipelagos")[asset] == files[asset]
    (tmp_path / "dist" / ISLANDS[0] / f"{ISLANDS[0]}_bg.wasm").write_bytes(b"\0asm nonsense")
    done = other.run(
        "publish", "hero_archipelagos", "--tag", "v2", "--to", publish_cli.out(again), "--from", str(tmp_path / "dist")
    )
    assert done.code == 5
    assert not (again.folder / "out" / "o" / "hero_archipelagos" / "v2").exists()


def test_the_shell_with_its_server(world: World) -> None:
    code = desktops.os_sources(world)
    one = publish_cli.Person(world, code.environ)
    one.ok("publish", "hero_os", "--tag", "v1", "--to", publish_cli.out(world))
    files = released(world, "hero_os")
    expected = {"hero_os_app-wasm.tar.gz", f"hero_os_server-{publish_cli.PLATFORM}", "hero_os-shell.build.json"}
    assert expected < set(files)
    person = publish_cli.buyer(world, publish_cli.out(world))
    person.ok("install", "hero_os", "--mode", "download")
    person.ok("shell", "--mode", "download")
    person.ok("verify")
    assert "2 parts as released" in person.ok("verify", "--against-release").out
    entry = publish_cli.manifest(person)["hero_os"]
    assert entry["source"]["commit"] == entry["bundles"]["hero_os_app"]["source"]["commit"]
    assert entry["bundles"]["hero_os_app"]["build"]["fingerprint"]["build"]
