"""zinit, the one program nobody here wrote: built from its source by its shipped recipe's Cargo, and run."""

import json
from pathlib import Path

from hero_build.catalog import loader
from hero_build.model.artifacts import Cargo
from support import git_repos, processes, zinit_crate, zinit_server

pytestmark = zinit_crate.marks


def test_the_mirror_has_it_as_its_authors_do() -> None:
    bare = zinit_crate.mirror() / f"{loader.load(()).get('zinit').recipe.repo}.git"
    names = set(git_repos.git(bare, "ls-tree", "-r", "--name-only", "development").splitlines())
    assert names > {"Cargo.toml", "Cargo.lock", "src/lib.rs", "src/bin/zinit.rs", "src/bin/zinit-server.rs"}
    assert "Cargo.toml.orig" not in names
    manifest = git_repos.git(bare, "show", "development:Cargo.toml")
    assert 'version = "0.3.9"' in manifest
    assert "automatically generated" not in manifest


def test_the_recipe_builds_both_programs() -> None:
    recipe = loader.load(()).get("zinit").recipe
    assert tuple(binary.name for binary in recipe.binaries) == zinit_crate.BINARIES
    assert recipe.cargo(recipe.platform("amd64")) == Cargo()  # as `build` calls cargo
    assert {path.name for path in zinit_crate.binaries().iterdir()} == set(zinit_crate.BINARIES)


def test_a_fresh_clone_is_built_where_its_dependencies_are() -> None:
    with zinit_crate.workshop() as folder:  # a cache that was copied here has them, but cargo goes by their age
        assert zinit_crate.build(zinit_crate.clone(folder), "--offline").returncode == 0
    with zinit_crate.workshop() as folder:
        checkout = zinit_crate.clone(folder)
        done = zinit_crate.build(checkout, "--offline", "--message-format=json")
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    artifacts = [item for item in messages if item["reason"] == "compiler-artifact" and not item["fresh"]]
    assert {item["manifest_path"] for item in artifacts} == {str(checkout / "Cargo.toml")}
    assert {Path(item["executable"]).name for item in artifacts if item["executable"]} == set(zinit_crate.BINARIES)


def test_all_of_its_features_and_programs_do_not_compile() -> None:
    overlay = loader.load((zinit_crate.full(),)).get("zinit").recipe
    names = [binary.name for binary in overlay.binaries if binary.name not in zinit_crate.BINARIES]
    features = ",".join(overlay.cargo(overlay.platform("amd64")).features)
    with zinit_crate.workshop() as folder:
        expected = [f"--bin={name}" for name in names]
        done = zinit_crate.build(zinit_crate.clone(folder), f"--features={features}", *expected)
    assert (names, features, done.returncode) == (["zinit-pid1"], "full", 101)
    assert "error[E0432]: unresolved import `zinit::sdk::ZinitClient`" in done.stderr


def test_zinit_list_answers(short: Path) -> None:
    programs = zinit_crate.binaries()
    with zinit_server.running(programs / "zinit-server", short) as server:
        assert zinit_server.zinit(programs / "zinit", short, "list") == "No services configured\n"
        config = {"service": {"name": "sleeper", "exec": "sleep 600"}}
        zinit_server.call(short, "service.set", {"config": config})
        assert processes.until(lambda: _sleeper(short)["state"] == "running")
        assert "sleeper" in zinit_server.zinit(programs / "zinit", short, "list")
        child = int(_sleeper(short)["pid"])
        assert processes.alive(child)
    assert server.returncode == 0
    assert processes.gone([child])


def _sleeper(home: Path) -> dict[str, str]:
    status: dict[str, str] = zinit_server.call(home, "service.status", {"name": "sleeper"})
    return status
