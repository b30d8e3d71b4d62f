"""All checkouts share one folder for cargo's output: what is common is compiled once, and nothing is mixed up."""

import fcntl
import os
from pathlib import Path

import pytest

from hero_build.source.cargo.target_folder import lock_file
from support import git_repos, rust_crates, source_builds, worlds
from support.processes import LONG, open_files, until
from support.source_builds import OWN_TARGET, SOURCE, Gate, checkout_path, program_output, shared_target
from support.worlds import World

COMMON = {
    "Cargo.toml": '[package]\nname = "common"\nversion = "1.0.0"\nedition = "2021"\n',
    "src/lib.rs": 'pub fn word() -> &\'static str { "common" }\n',
}


def add(world: World, name: str, program: str = "tool", word: str = "") -> git_repos.Upstream:
    """A repository with one program, which may have the name of another's."""
    world.recipe(name, program, repo=f'"o/{name}"')
    files = {"Cargo.toml": rust_crates.manifest(name), f"src/bin/{program}.rs": rust_crates.program(word or name)}
    return git_repos.upstream(world.mirror, f"o/{name}", {".gitignore": "/target\n", **files})


def depends_on_common(world: World, name: str, path: Path) -> None:
    manifest = rust_crates.manifest(name) + f'\n[dependencies]\ncommon = {{ git = "file://{path}" }}\n'
    main = 'fn main() { println!("{}", common::word()); }\n'
    world.recipe(name, name)
    git_repos.upstream(world.mirror, f"o/{name}", {"Cargo.toml": manifest, "src/main.rs": main})


def test_a_dependency_of_two_repositories_is_compiled_once(world: World) -> None:
    git_repos.upstream(world.mirror, "o/common", COMMON)
    for name in ("one", "two"):
        depends_on_common(world, name, world.mirror / "o/common.git")
    world.ok("install", "one", "two", "--mode", "source")
    assert [program_output(world, name) for name in ("one", "two")] == ["common", "common"]
    compiled = [*(shared_target(world) / "release" / "deps").glob("libcommon-*.rlib")]
    assert len(compiled) == 1
    assert not (checkout_path(world, "one") / "target").exists()


def test_programs_of_one_name_are_not_mixed_up(world: World) -> None:
    """Each is copied before the next build writes to its place, and neither is built again."""
    add(world, "one", word="of one")
    add(world, "two", word="of two")
    world.ok("install", "one", "--mode", "source")
    assert program_output(world, "tool") == "of one"
    world.ok("uninstall", "one")
    world.ok("install", "two", "--mode", "source")
    assert program_output(world, "tool") == "of two"
    world.ok("uninstall", "two")
    world.ok("install", "one", "--mode", "source")
    assert program_output(world, "tool") == "of one"


def test_two_builds_at_once_wait_for_each_other(world: World, tmp_path: Path) -> None:
    source_builds.add_app(world, files=source_builds.GATED_APP)
    add(world, "other")
    gate = Gate(tmp_path)
    with source_builds.start_command(world, *SOURCE, **gate.environ) as first:
        gate.reached()
        with source_builds.start_command(world, "install", "other", "--mode", "source") as second:
            assert until(lambda: (checkout_path(world, "other") / ".git").exists())
            assert second.poll() is None
            gate.open()
            assert (first.wait(300), second.wait(300)) == (0, 0), second.stderr and second.stderr.read()
    assert program_output(world) == "app"
    assert program_output(world, "tool") == "other"


def test_one_that_waits_can_be_interrupted(world: World) -> None:
    add(world, "other")
    world.ok("install", "other", "--mode", "source")
    with lock_file(shared_target(world)).open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with source_builds.start_command(world, "install", "other", "--mode", "source", "--reset") as waiting:
            assert until(lambda: waits_for(lock_file(shared_target(world)), waiting.pid))
            waiting.send_signal(2)
            assert waiting.wait(LONG) == 130


def waits_for(lock: Path, pid: int) -> bool:
    """Whether a process has the file open."""
    return str(lock.resolve()) in open_files(pid)


def configure(tree: Path) -> None:
    git_repos.write(tree, OWN_TARGET)


def link(tree: Path) -> None:
    (tree / "target").symlink_to(tree.parent / "big disk")


OWN = {"configuration": configure, "a link": link}


@pytest.mark.parametrize("name", OWN)
def test_a_folder_of_the_checkouts_own_wins(name: str, world: World) -> None:
    add(world, "one")
    tree = source_builds.clone_checkout(world, "one")
    (tree.parent / "big disk").mkdir()
    OWN[name](tree)
    world.ok("install", "one", "--mode", "source")
    assert (tree / "target" / "release" / "tool").is_file()
    assert not (world.folder / "cache" / "target").exists()


@pytest.fixture
def built(world: World) -> World:
    """Two apps, the second built last."""
    for name in ("one", "two"):
        add(world, name, program=name)
        world.ok("install", name, "--mode", "source")
    return world


def crates(world: World) -> set[str]:
    """The packages of which cargo knows that they are compiled."""
    folder = shared_target(world) / "release" / ".fingerprint"
    return {path.name.rpartition("-")[0] for path in folder.iterdir()}


def test_gc_keeps_it_under_its_limit_by_age(built: World) -> None:
    assert crates(built) == {"one", "two"}
    built.ok("gc")
    assert crates(built) == {"one", "two"}, "20 GB by default"
    folder = shared_target(built) / "release" / ".fingerprint"
    for path in (*folder.glob("one-*/*"), *folder.glob("one-*")):
        os.utime(path, (1, 1))
    limit(built, 0)
    planned = worlds.valid(built.run("gc", "--dry-run", "--json").document)
    assert [item["path"] for item in planned["freed"]] == [str(shared_target(built))]
    assert crates(built) == {"one", "two"}
    worlds.valid(built.run("gc", "--json").document)
    assert not [path for path in (built.folder / "cache" / "target").iterdir() if path.is_dir()]
    built.ok("install", "one", "two", "--mode", "source", "--reset")
    assert [program_output(built, name) for name in ("one", "two")] == ["one", "two"]


def limit(world: World, gigabytes: int) -> None:
    file = world.root.path / "cfg" / "hero_build.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"target_limit = {gigabytes}\n")


def test_gc_of_builds_frees_it_and_says_its_size(built: World) -> None:
    target = shared_target(built)
    assert {use["name"]: use["path"] for use in built.run("gc", "--json").document["usage"]}["target"] == str(
        target.parent
    )
    document = worlds.valid(built.run("gc", "--builds", "--json").document)
    assert str(target) in {item["path"] for item in document["freed"]}
    assert not target.exists()


def test_gc_leaves_one_that_a_build_uses(built: World) -> None:
    target = shared_target(built)
    with lock_file(target).open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        document = built.run("gc", "--builds", "--json").document
    assert {"path": str(target), "why": "a build uses it"} in document["kept"]
    assert target.is_dir()
