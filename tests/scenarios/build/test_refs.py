"""`--ref` and what stays in a checkout after it: which branch is checked out, and the lock file of our own builds."""

import shlex

import pytest

from support import git_repos, rust_crates, source_builds
from support.source_builds import SOURCE, checkout_path, program_output
from support.worlds import World

UNLOCKED = {name: text for name, text in rust_crates.APP.items() if name != "Cargo.lock"}
EXTRA = {
    "Cargo.toml": rust_crates.manifest("app") + '[dependencies]\nextra = { path = "extra" }\n',
    "extra/Cargo.toml": rust_crates.manifest("extra"),
    "extra/src/lib.rs": "",
    "src/bin/app.rs": rust_crates.program("feature"),
}


def head(world: World) -> str:
    return git_repos.git(checkout_path(world), "rev-parse", "--abbrev-ref", "HEAD")


@pytest.mark.parametrize("cloned", [True, False], ids=["checkout", "fresh clone"])
def test_the_checkout_stays_at_the_ref_and_the_printed_command_returns(cloned: bool, world: World) -> None:
    upstream = source_builds.add_app(world)
    upstream.commit({"src/bin/app.rs": rust_crates.program("feature")}, "feature")
    if cloned:
        world.ok(*SOURCE)
    done = world.run("install", "app", "--ref", "feature")
    assert done.code == 0, done.err
    path = checkout_path(world)
    assert f"warning: {path} is on feature now and stays there: a build without --ref builds that" in done.err
    command = done.err.split("Return with `")[1].split("`")[0]
    assert command == f"git -C {path} checkout main"
    assert "is on feature" not in world.run("install", "app", "--ref", "feature").err
    world.ok(*SOURCE)
    assert (program_output(world), head(world)) == ("feature", "feature")
    git_repos.git(path, *shlex.split(command)[1:])
    world.ok(*SOURCE)
    assert (program_output(world), head(world)) == ("app", "main")


def test_the_lock_file_of_our_own_build_is_not_in_the_way_of_a_ref_that_has_one(world: World) -> None:
    upstream = source_builds.add_app(world, files=UNLOCKED)
    world.ok(*SOURCE)
    lock = checkout_path(world) / "Cargo.lock"
    ours = lock.read_text()
    upstream.commit({"Cargo.lock": rust_crates.LOCK, "src/bin/app.rs": rust_crates.program("feature")}, "feature")
    world.ok("install", "app", "--ref", "feature")
    assert (program_output(world), lock.read_text()) == ("feature", rust_crates.LOCK)
    world.ok("install", "app", "--ref", "main")
    assert (program_output(world), lock.read_text()) == ("app", ours)
    upstream.commit({"Cargo.lock": rust_crates.LOCK}, "main")
    world.ok(*SOURCE, "--update")
    assert lock.read_text() == rust_crates.LOCK


def test_our_own_lock_file_follows_what_the_ref_depends_on(world: World) -> None:
    """Where no lock file is committed, an old one of ours is updated, not reported as out of date."""
    upstream = source_builds.add_app(world, files=UNLOCKED)
    world.ok(*SOURCE)
    upstream.commit(EXTRA, "feature")
    world.ok("install", "app", "--ref", "feature")
    assert program_output(world) == "feature"
    assert 'name = "extra"' in (checkout_path(world) / "Cargo.lock").read_text()
    assert world.ok(*SOURCE).startswith("nothing to do")


def test_a_lock_file_that_somebody_changed_is_theirs(world: World) -> None:
    upstream = source_builds.add_app(world, files=UNLOCKED)
    world.ok(*SOURCE)
    lock = checkout_path(world) / "Cargo.lock"
    lock.write_text(lock.read_text() + "# mine\n")
    mine = lock.read_text()
    upstream.commit({"Cargo.lock": rust_crates.LOCK}, "feature")
    done = world.run("install", "app", "--ref", "feature")
    assert done.code == 8
    assert f"files in {checkout_path(world)} are in the way: Cargo.lock\n" in done.err
    assert (lock.read_text(), head(world)) == (mine, "main")


def test_files_in_the_way_are_listed_whole(world: World) -> None:
    upstream = source_builds.add_app(world)
    world.ok(*SOURCE)
    names = [f"notes/{number:02}.txt" for number in range(12)]
    upstream.commit(dict.fromkeys(names, "theirs"), "feature")
    ignored = {**dict.fromkeys(names, "mine"), ".git/info/exclude": "notes\n"}
    git_repos.write(checkout_path(world), ignored)
    done = world.run("install", "app", "--ref", "feature")
    assert done.code == 8
    assert f"are in the way: {', '.join(names)}\n" in done.err
    git_repos.write(checkout_path(world), {".git/info/exclude": ""})
    done = world.run("install", "app", "--ref", "feature")
    assert f"has uncommitted changes ({', '.join(names)}), so it is not switched to feature" in done.err


def test_a_lock_file_that_a_failed_build_wrote_is_our_own_too(world: World) -> None:
    upstream = source_builds.add_app(world, files={**UNLOCKED, "src/bin/app.rs": source_builds.BROKEN})
    assert world.run(*SOURCE).code == 6
    assert (checkout_path(world) / "Cargo.lock").exists()
    upstream.commit({"Cargo.lock": rust_crates.LOCK, "src/bin/app.rs": rust_crates.program("feature")}, "feature")
    world.ok("install", "app", "--ref", "feature")
    assert program_output(world) == "feature"
