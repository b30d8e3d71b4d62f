"""The main job from source: clone, build, verify, stage, commit, record; and again, unchanged or changed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import git_repos, roots, rust_crates, source_builds, worlds
from support.source_builds import PROGRAMS, SOURCE, Spies, checkout_path, installed_app, program_output
from support.worlds import World


def test_an_empty_root(world: World, spies: Spies) -> None:
    """All that is recorded is true, and the programs run."""
    upstream = source_builds.add_app(world)
    done = world.run("install", "app")
    assert done.code == 0, done.err
    commit = git_repos.git(upstream.work, "rev-parse", "HEAD")
    assert done.out == f"generation 1: app {commit[:12]} (source: no release exists). Undo: hero-build rollback 0\n"
    assert "app: built and verified in " in done.err
    assert [program_output(world, name) for name in PROGRAMS] == ["app", "server"]
    app = installed_app(world)
    source = {"forge": world.mirror.as_uri(), "repo": "o/app", "tag": None, "commit": commit, "dirty": False}
    document = {"requested": "auto", "used": "source", "version": commit[:12], "source": source}
    assert {key: app[key] for key in document} == document
    assert app["why"] == "no release exists"
    assert (app["build"]["ref"], app["build"]["wrapper"]) == ("main", "")
    assert app["build"]["fingerprint"]["commit"] == commit
    assert [(item["path"], item["verified"]) for item in app["binaries"].values()] == [
        (f"bin/{name}", ["elf"]) for name in PROGRAMS
    ]
    assert len(spies.builds()) == 1
    roots.settled(world.root)
    assert "intact" in world.ok("status", "app")
    assert world.run("verify").code == 0


def test_what_is_installed_is_no_link_to_what_cargo_made(world: World) -> None:
    source_builds.add_app(world)
    world.ok(*SOURCE)
    built = source_builds.shared_target(world) / "release" / "app"
    installed = (world.root.path / "bin" / "app").resolve()
    assert built.read_bytes() == installed.read_bytes()
    assert built.stat().st_ino != installed.stat().st_ino
    built.write_bytes(b"cargo writes here again")
    assert world.run("verify").code == 0


def test_unchanged_it_starts_no_cargo(world: World, spies: Spies) -> None:
    source_builds.add_app(world)
    world.ok(*SOURCE)
    spies.forget()
    output = world.ok(*SOURCE)
    assert "nothing to do: app: " in output
    assert "is up to date with its checkout; files intact" in output
    assert spies.calls("cargo") == []
    assert {call.split()[0] for call in spies.calls("git")} <= {"--no-optional-locks", "config"}
    assert "changed     nothing since the last build" in world.ok("explain", "app", "--mode", "source")
    assert spies.calls("cargo") == []


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a build rests on changes; `part` is how explain calls it."""

    part: str
    make: Callable[[World, Path, pytest.MonkeyPatch], object]


def recipe_comment(world: World, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = world.recipes / "app.py"
    recipe.write_text(recipe.read_text() + "# a word more\n")


def recipe_module(world: World, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.recipes / "_shared.py").write_text("WORD = 1\n")


def configuration(world: World, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the checkout, where cargo looks, too."""
    git_repos.write(world.root.path / "code0", {".cargo/config.toml": "[build]\njobs = 1\n"})


CHANGES = {
    "commit": Change("commit", lambda world, path, _: git_repos.commit(path, {"new.txt": "new"})),
    "dirty": Change(
        "worktree", lambda world, path, _: (path / "src/bin/app.rs").write_text(rust_crates.program("mine"))
    ),
    "untracked": Change("worktree", lambda world, path, _: (path / "build.rs").write_text("fn main() {}\n")),
    "lock": Change("lock", lambda world, path, _: git_repos.commit(path, {"Cargo.lock": rust_crates.LOCK + "\n"})),
    "flags": Change("environment", lambda world, path, patch: patch.setenv("RUSTFLAGS", "-Copt-level=1")),
    "recipe": Change("recipe", recipe_comment),
    "module-of-recipes": Change("recipe", recipe_module),
    "cargo-config": Change("configuration", configuration),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_built_and_named(name: str, world: World, spies: Spies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once; after that it is nothing new, even where the programs came out as they were."""
    source_builds.add_app(world)
    world.ok(*SOURCE)
    CHANGES[name].make(world, checkout_path(world), monkeypatch)
    spies.forget()
    explained = worlds.valid(world.run("explain", "app", "--mode", "source", "--json").document)
    assert CHANGES[name].part in explained["build"]["changed"]
    assert explained["decisions"][0]["decision"] == "build"
    assert ", ".join(explained["build"]["changed"]) in explained["decisions"][0]["why"]
    assert spies.calls("cargo") == []
    assert "generation 2: app" in world.ok(*SOURCE)
    assert len(spies.builds()) == 1
    spies.forget()
    assert "nothing to do" in world.ok(*SOURCE)
    assert spies.calls("cargo") == []


def test_a_dirty_tree_is_built_as_it_is(world: World) -> None:
    source_builds.add_app(world)
    path = source_builds.clone_checkout(world)
    git_repos.write(path, {"src/bin/app.rs": rust_crates.program("mine"), "note": "mine"})
    before = source_builds.user_state(path)
    commit = git_repos.git(path, "rev-parse", "HEAD")
    assert f"app {commit[:12]}+dirty (source)" in world.ok(*SOURCE)
    assert program_output(world) == "mine"
    assert installed_app(world)["source"]["dirty"] is True
    assert installed_app(world)["version"] == f"{commit[:12]}+dirty"
    assert source_builds.user_state(path) == before


def test_a_diverged_tree_is_built_as_it_is(world: World) -> None:
    """Updating it is not an error; a warning says why it stays."""
    upstream = source_builds.add_app(world)
    path = source_builds.clone_checkout(world)
    mine = git_repos.commit(path, {"src/bin/app.rs": rust_crates.program("mine")})
    upstream.commit({"src/bin/app.rs": rust_crates.program("theirs")})
    before = source_builds.user_state(path)
    done = world.run(*SOURCE, "--update")
    assert done.code == 0, done.err
    assert "has diverged from origin/main (1 local, 1 remote); it is built as it is" in done.err
    assert program_output(world) == "mine"
    assert installed_app(world)["source"] == {**installed_app(world)["source"], "commit": mine, "dirty": False}
    assert source_builds.user_state(path) == before


def test_update_fast_forwards_and_nothing_else_does(world: World, spies: Spies) -> None:
    upstream = source_builds.add_app(world)
    world.ok(*SOURCE)
    newest = upstream.commit({"src/bin/app.rs": rust_crates.program("two")})
    assert "nothing to do" in world.ok(*SOURCE)
    assert program_output(world) == "app"
    assert f"-> {newest[:12]} (source)" in world.ok(*SOURCE, "--update")
    assert program_output(world) == "two"
    spies.forget()
    assert "nothing to do" in world.ok(*SOURCE, "--update")
    assert spies.calls("cargo") == []


def test_reset_builds_again_and_leaves_the_work_tree_alone(world: World, spies: Spies) -> None:
    source_builds.add_app(world)
    world.ok(*SOURCE)
    path = checkout_path(world)
    git_repos.write(path, {"src/bin/app.rs": rust_crates.program("mine"), "note": "mine"})
    git_repos.commit(path, {"kept": "a commit of mine"})
    git_repos.write(path, {"src/bin/app_server.rs": rust_crates.program("mine, too")})
    world.ok(*SOURCE)
    before = source_builds.user_state(path)
    made = source_builds.shared_target(world) / "release" / "app"
    made.unlink()
    spies.forget()
    world.ok(*SOURCE, "--reset")
    assert len(spies.builds()) == 1
    assert made.exists()
    assert [program_output(world, name) for name in PROGRAMS] == ["mine", "mine, too"]
    assert source_builds.user_state(path) == before


def test_reset_reports_what_was_rebuilt_and_what_was_repaired(world: World) -> None:
    """All of the version they had: one with new content, one as it was, one that was damaged."""
    names = ("one", "two", "three")
    for name in names:
        world.recipe(name)
        repo = {
            ".gitignore": "/target\n",
            "Cargo.toml": rust_crates.manifest(name),
            "src/main.rs": rust_crates.program(name),
        }
        git_repos.upstream(world.mirror, f"o/{name}", repo)
        git_repos.write(source_builds.clone_checkout(world, name), {"note": "mine"})
    world.ok("install", *names, "--mode", "source")
    git_repos.write(checkout_path(world, "one"), {"src/main.rs": rust_crates.program("mine")})
    (world.root.path / "bin" / "three").resolve().unlink()
    document = world.run("install", *names, "--mode", "source", "--reset", "--json").document
    states = {part["part"]: part["state"] for part in document["parts"]}
    assert states == {"one": "changed", "two": "changed", "three": "repaired"}


def test_a_build_repairs_damage(world: World) -> None:
    source_builds.add_app(world)
    world.ok(*SOURCE)
    (world.root.path / "bin" / "app").unlink()
    world.ok(*SOURCE)
    assert program_output(world) == "app"
    roots.settled(world.root)


def test_needs_are_built_beside(world: World) -> None:
    source_builds.add_app(world, needs='("dep",)')
    world.recipe("dep")
    git_repos.upstream(
        world.mirror, "o/dep", {"Cargo.toml": rust_crates.manifest("dep"), "src/main.rs": rust_crates.program("dep")}
    )
    done = world.run(*SOURCE)
    assert "needs dep" in done.err
    assert not (world.root.path / "bin" / "dep").exists()
    assert "dep" in world.ok(*SOURCE, "--with-needs")
    assert program_output(world, "dep") == "dep"


def test_a_repo_without_a_lock_file(world: World, spies: Spies) -> None:
    """cargo makes one, and that is neither dirt nor a reason to build again."""
    files = {name: text for name, text in rust_crates.APP.items() if name != "Cargo.lock"}
    source_builds.add_app(world, files=files)
    world.ok(*SOURCE)
    assert "--locked" not in spies.builds()[0]
    assert installed_app(world)["source"]["dirty"] is False
    assert "nothing to do" in world.ok(*SOURCE)


def test_the_target_folder_of_the_environment(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_builds.add_app(world)
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "elsewhere"))
    world.ok(*SOURCE)
    assert (tmp_path / "elsewhere" / "release" / "app").exists()
    assert not (checkout_path(world) / "target").exists()
    assert program_output(world) == "app"


def test_a_checkout_without_its_owner(world: World) -> None:
    """`$CODEROOT/<repo>`, where that is what exists."""
    source_builds.add_app(world)
    flat = world.root.path / "code0" / "app"
    flat.parent.mkdir(parents=True)
    git_repos.git(flat.parent, "clone", "--quiet", str(world.mirror / "o/app.git"), "app")
    world.ok(*SOURCE)
    assert program_output(world) == "app"
    assert not checkout_path(world).exists()


def test_coderoot(world: World, tmp_path: Path) -> None:
    source_builds.add_app(world)
    done = world.run(*SOURCE, env={"CODEROOT": str(tmp_path / "code")})
    assert done.code == 0, done.err
    assert (tmp_path / "code" / "o" / "app" / ".git").is_dir()
    assert not (world.root.path / "code0").exists()
