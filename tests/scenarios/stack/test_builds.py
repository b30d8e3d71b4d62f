"""Every repo of tests/world/ stands alone, builds with plain cargo, and has the programs that its recipe says."""

import shutil
import subprocess
from pathlib import Path

import pytest

from hero_build.catalog import loader
from hero_build.catalog.checkout_set import binaries_of_checkout
from support import git_repos, rust_world, worlds
from support.worlds import World

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
APPS = {name: "mycelium" if name == "mycelium_network" else name for name in rust_world.NAMES}
SILENT = ("hero_bundle",)
"""Programs that do not know --version."""


def programs(name: str) -> tuple[str, ...]:
    """What an install of the app takes from a checkout."""
    loaded = loader.load(()).get(APPS[name])
    binaries = loaded.recipe.binaries or binaries_of_checkout(loaded, rust_world.WORLD / name)[0]
    return tuple(binary.name for binary in binaries)


@pytest.mark.parametrize("name", rust_world.NAMES)
def test_cargo_builds_the_programs_of_the_recipe(name: str) -> None:
    folder = rust_world.binaries(name)
    programs_built = {path.name for path in folder.iterdir() if path.is_file() and path.stat().st_mode & 0o100}
    assert programs_built == set(programs(name))
    for program in programs_built.difference(SILENT):
        out = subprocess.run([folder / program, "--version"], capture_output=True, text=True, check=True).stdout
        assert out == f"{program} v0.1.0\n"


def test_the_recipe_of_hero_bundle_knows_its_siblings() -> None:
    recipe = loader.load(()).get("hero_bundle").recipe
    assert sorted(recipe.siblings) == [rust_world.repo(name) for name in rust_world.siblings("hero_bundle")]
    assert len(recipe.siblings) == 6


def test_a_mirror_carries_each_repo_and_what_it_needs_beside_it(tmp_path: Path) -> None:
    mirror = rust_world.mirror(tmp_path, "hero_bundle")
    names = ("hero_bundle", *rust_world.siblings("hero_bundle"))
    assert {path.name for path in (mirror / rust_world.OWNER).iterdir()} == {f"{name}.git" for name in names}
    code = rust_world.clones(tmp_path, mirror, *names) / rust_world.OWNER
    for name in names:
        assert git_repos.git(code / name, "branch", "--show-current") == "development"
        assert (code / name / "Cargo.lock").is_file()
        assert "target" in (code / name / ".gitignore").read_text()
        assert not [path for path in (code / name).rglob("*") if path.is_symlink()]
    command = ["cargo", "build", "--release", "--locked", "--offline", "--quiet"]
    subprocess.run(command, cwd=code / "hero_bundle", check=True)
    out = subprocess.run(
        [code / "hero_bundle/target/release/hero_bundle", "--info"], stdout=subprocess.PIPE, check=True
    )
    assert out.stdout
    assert git_repos.git(code / "hero_bundle", "status", "--porcelain") == ""


def test_what_a_developer_commits_is_in_the_mirror(tmp_path: Path) -> None:
    mirror = rust_world.mirror(tmp_path, "hero_db")
    commit = rust_world.upstream(mirror, "hero_db").commit({"NEWS": "one\n"}, rust_world.BRANCH)
    assert git_repos.git(mirror / "lhumina_code/hero_db.git", "rev-parse", "development") == commit


def test_audit_is_green_on_a_checkout_of_each(world: World, tmp_path: Path) -> None:
    code = rust_world.clones(tmp_path, rust_world.mirror(tmp_path / "u"), *rust_world.NAMES)
    done = world.run("audit", "--all", str(code), "--no-release", "--json", env={"HERO_RECIPES": ""})
    document = worlds.valid(done.document)
    assert (document["exit"], [app["findings"] for app in document["apps"] if app["findings"]]) == (0, [])
    assert {app["name"] for app in document["apps"]} == set(APPS.values())
    states = {(app["name"], item["teller"]): item["state"] for app in document["apps"] for item in app["heard"]}
    assert {state for (_, teller), state in states.items() if teller != "release"} == {"read"}


def test_audit_sees_what_goes_missing(world: World, tmp_path: Path) -> None:
    code = rust_world.clones(tmp_path, rust_world.mirror(tmp_path / "u", "hero_livekit"), "hero_livekit")
    shutil.rmtree(code / rust_world.repo("hero_livekit") / "crates" / "lk-backend")
    done = world.run("audit", "--all", str(code), "--no-release", "--json", env={"HERO_RECIPES": ""})
    (app,) = done.document["apps"]
    assert [(item["what"], item["where"], item["binary"]) for item in app["findings"]] == [
        ("missing", "cargo", "lk-backend")
    ]
    assert done.code == 5
