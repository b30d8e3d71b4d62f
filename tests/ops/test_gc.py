"""`gc --builds` and `gc --cache`: what is freed, and what never is. Real builds, real locks."""

import fcntl
import os
from pathlib import Path

import pytest

from hero_build.source.git.locks import Locks
from hero_build.system import filelock
from support import git_repos, rust_crates, source_builds, worlds
from support.source_builds import SOURCE, checkout_path, program_output
from support.worlds import World


@pytest.fixture
def built(world: World) -> World:
    """An app that was built, with work of the user in its checkout."""
    source_builds.add_app(world, files={**rust_crates.APP, **source_builds.OWN_TARGET})
    world.ok(*SOURCE)
    (checkout_path(world) / "src" / "bin" / "app.rs").write_text(rust_crates.program("changed"))
    (checkout_path(world) / "notes.txt").write_text("not committed")
    return world


def target(world: World) -> Path:
    return checkout_path(world) / "target"


def test_builds_and_logs_are_freed_and_work_stays(built: World) -> None:
    before = source_builds.user_state(checkout_path(built))
    plan = worlds.valid(built.run("gc", "--builds", "--dry-run", "--json").document)
    assert {item["path"] for item in plan["freed"]} == {str(target(built)), str(built.folder / "cache" / "logs")}
    assert target(built).is_dir(), "a dry run deletes nothing"
    uses = {use["name"]: use["bytes"] for use in plan["usage"]}
    assert uses["builds"] > 100_000
    assert uses["checkouts"] > 0
    done = worlds.valid(built.run("gc", "--builds", "--json").document)
    assert [item["bytes"] > 0 for item in done["freed"]] == [True, True]
    assert not target(built).exists()
    assert {use["name"]: use["bytes"] for use in done["usage"]}["builds"] == 0
    assert source_builds.user_state(checkout_path(built)) == before
    assert not [*(checkout_path(built).parent / ".hero-build").glob("deleted-*")]
    assert "intact" in built.ok("status")
    built.ok(*SOURCE)
    assert program_output(built) == "changed"


def test_without_the_flags_builds_stay_and_their_size_is_shown(built: World) -> None:
    out = built.ok("gc")
    assert target(built).is_dir()
    (line,) = (line for line in out.splitlines() if line.startswith("builds "))
    assert line.endswith("hero-build gc --builds")
    assert "deleted no generation; 0 B freed" in out
    checks = {check["name"]: check for check in worlds.valid(built.run("doctor", "--json").document)["checks"]}
    assert checks["builds"]["bytes"] > 100_000


def test_a_folder_with_tracked_files_is_kept(built: World) -> None:
    (target(built) / "tracked.txt").write_text("mine")
    git_repos.git(checkout_path(built), "add", "--force", "target/tracked.txt")
    document = built.run("gc", "--builds", "--json").document
    assert document["kept"] == [{"path": str(target(built)), "why": "git tracks files in it"}]
    assert (target(built) / "tracked.txt").exists()
    assert "kept" in built.ok("gc", "--builds")


def test_a_folder_that_cargo_builds_in_is_kept(built: World) -> None:
    with (target(built) / "release" / ".cargo-lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        document = built.run("gc", "--builds", "--json").document
    assert [item["why"] for item in document["kept"]] == ["cargo builds in it"]
    assert target(built).is_dir()


def test_a_checkout_that_another_hero_build_works_in_is_kept(built: World) -> None:
    with Locks() as locks, locks.hold(checkout_path(built)):
        document = built.run("gc", "--builds", "--wait", "0", "--json").document
    assert ["another hero-build is working in" in item["why"] for item in document["kept"]] == [True]
    assert target(built).is_dir()


def test_a_target_that_is_a_link_is_left_alone(built: World) -> None:
    elsewhere = built.folder / "elsewhere"
    target(built).rename(elsewhere)
    target(built).symlink_to(elsewhere, target_is_directory=True)
    assert built.run("gc", "--builds", "--json").document["kept"] == []
    assert (elsewhere / "CACHEDIR.TAG").exists()


def test_the_cache_is_freed_and_nothing_else_in_its_folder(world: World) -> None:
    world.recipe("db")
    world.release("db", "v1", checksums=False)
    world.ok("lock", "db", "-o", str(world.folder / "db.lock"))
    cache = world.folder / "cache"
    made = {"downloads", "checksums", "wheels", "interpreters", "wasm/bundles"}
    kept = {"wasm/bundles/.new-now/x", "wheels/.new-now/x.whl", "interpreters/ab.lock", "wasm/bin/tool", "mine"}
    gone = {"downloads/ab.cd.9", "wasm/bundles/key/x.wasm", "wheels/key-cp311/x.whl", "checksums/ab"}
    for name in (*kept, *gone, "interpreters/ab.tar.gz", "workspaces.json", "listings.json"):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_bytes(b"content")
    document = worlds.valid(world.run("gc", "--cache", "--json").document)
    assert {os.path.relpath(item["path"], cache) for item in document["freed"]} == {
        *made,
        "workspaces.json",
        "listings.json",
    }
    left = {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()}
    assert left == kept


def test_a_download_that_is_being_written_stays(world: World) -> None:
    file = world.folder / "cache" / "downloads" / "ab.cd.9"
    file.parent.mkdir(parents=True)
    with file.open("wb") as writer:
        writer.write(b"half")
        writer.flush()
        fcntl.flock(writer, fcntl.LOCK_EX)
        world.ok("gc", "--cache")
        assert file.exists()
    world.ok("gc", "--cache")
    assert not file.exists()


def test_what_a_pack_is_made_of_stays_while_it_is_read(world: World) -> None:
    for name in ("wheels", "interpreters"):
        file = world.folder / "cache" / name / "part"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"content")
        with filelock.reading(file.parent), filelock.reading(file.parent):
            for words in (("gc", "--cache", "-n"), ("gc", "--cache")):
                document = worlds.valid(world.run(*words, "--json").document)
                assert document["kept"] == [{"path": str(file.parent), "why": "a pack is made of it"}]
            assert file.exists()
        world.ok("gc", "--cache")
        assert not file.exists()


def test_gc_works_without_recipes_and_gc_of_builds_says_why_not(world: World) -> None:
    broken = {"HERO_RECIPES": str(world.folder / "absent")}
    done = world.run("gc", env=broken)
    assert (done.code, "checkouts are not measured" in done.err) == (0, True)
    assert world.run("gc", "--builds", env=broken).code == 2
