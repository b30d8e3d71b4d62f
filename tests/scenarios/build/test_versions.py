"""Which commit is built, or which release taken: --ref, --version, --mode, and what a dry run says of them."""

from support import git_repos, roots, rust_crates, source_builds, worlds
from support.source_builds import PROGRAMS, SOURCE, Spies, checkout_path, installed_app, program_output
from support.worlds import World


def test_refs(world: World) -> None:
    """A branch, a tag, a commit, and back; each is what it says."""
    upstream = source_builds.add_app(world)
    first = git_repos.git(upstream.work, "rev-parse", "HEAD")
    upstream.commit({"src/bin/app.rs": rust_crates.program("tagged")})
    upstream.tag("v1")
    upstream.commit({"src/bin/app.rs": rust_crates.program("branched")}, "topic")
    for ref, output, branch in (
        ("topic", "branched", "topic"),
        ("v1", "tagged", ""),
        (first, "app", ""),
        ("main", "tagged", "main"),
    ):
        world.ok("install", "app", "--ref", ref)
        assert program_output(world) == output
        assert installed_app(world)["build"]["ref"] == branch
        assert f"--ref {ref} names a commit to build" in installed_app(world)["why"]
        assert "nothing to do" in world.ok("install", "app", "--ref", ref)
    assert installed_app(world)["requested"] == "auto"


def test_a_version_without_a_release_is_the_tag_built(world: World, spies: Spies) -> None:
    upstream = source_builds.add_app(world)
    upstream.tag("v1")
    upstream.commit({"src/bin/app.rs": rust_crates.program("newer")})
    assert "generation 1: app v1 (source: release v1 does not exist)" in world.ok("install", "app", "--version", "v1")
    app = installed_app(world)
    assert (app["version"], app["source"]["tag"], app["why"]) == ("v1", "v1", "release v1 does not exist")
    assert program_output(world) == "app"
    spies.forget()
    assert "nothing to do" in world.ok("install", "app", "--version", "v1")
    assert spies.calls("cargo") == []
    assert "to keep" in world.ok("install", "app", "--version", "v1", "--dry-run")


def test_a_tag_that_is_dirty_is_no_clean_version(world: World) -> None:
    upstream = source_builds.add_app(world)
    upstream.tag("v1")
    world.ok("install", "app", "--version", "v1")
    git_repos.write(checkout_path(world), {"src/bin/app.rs": rust_crates.program("mine")})
    assert "app v1 -> v1+dirty (source: release v1 does not exist)" in world.ok("install", "app", "--version", "v1")
    assert (installed_app(world)["version"], installed_app(world)["source"]["dirty"]) == ("v1+dirty", True)


def test_a_version_with_a_release_is_downloaded(world: World, spies: Spies) -> None:
    upstream = source_builds.add_app(world)
    upstream.tag("v1")
    world.release("app", "v1", *PROGRAMS, latest=False)
    spies.forget()
    assert "generation 1: app v1 (download)" in world.ok("install", "app", "--version", "v1")
    assert program_output(world) == "app v1"
    assert spies.calls("git") == spies.calls("cargo") == []


def test_from_a_release_to_a_build_and_back(world: World) -> None:
    """Each takes the place of the other, wholly; what was asked last is what is there."""
    source_builds.add_app(world)
    world.release("app", "v1", *PROGRAMS)
    world.ok("install", "app")
    assert program_output(world) == "app v1"
    world.ok(*SOURCE)
    assert program_output(world) == "app"
    assert "what is installed was built from source" in world.ok("install", "app", "--dry-run")
    world.ok("install", "app")
    assert [program_output(world, name) for name in PROGRAMS] == ["app v1", "app_server v1"]
    world.ok("rollback")
    assert [program_output(world, name) for name in PROGRAMS] == ["app", "server"]
    roots.settled(world.root)


def test_a_dry_run_makes_no_clone_and_says_so(world: World, spies: Spies) -> None:
    source_builds.add_app(world)
    spies.forget()
    done = world.run(*SOURCE, "--dry-run", "--json")
    assert done.code == 0, done.err
    (part,) = worlds.valid(done.document)["parts"]
    assert (part["state"], part["why"]) == ("to build", "--mode source asks for a build")
    assert [words for words in spies.calls("git") if {"clone", "fetch", "checkout"} & set(words.split())] == []
    assert spies.calls("cargo") == []
    assert not (world.root.path / "code0").exists()
    explained = worlds.valid(world.run("explain", "app", "--mode", "source", "--json").document)
    assert (explained["build"], explained["decisions"][0]["decision"]) == (None, "build")
    assert not (world.root.path / "code0").exists()


def test_a_dry_run_neither_switches_nor_updates(world: World) -> None:
    upstream = source_builds.add_app(world)
    world.ok(*SOURCE)
    upstream.commit({"src/bin/app.rs": rust_crates.program("two")}, "topic")
    before, notes = source_builds.user_state(checkout_path(world)), git_repos.git(checkout_path(world), "for-each-ref")
    assert "to build" in world.ok("install", "app", "--ref", "topic", "-n")
    assert "nothing would change" in world.ok(*SOURCE, "--update", "-n")
    upstream.commit({"src/bin/app.rs": rust_crates.program("three")})
    assert "to build" in world.ok(*SOURCE, "--update", "-n")
    assert (source_builds.user_state(checkout_path(world)), git_repos.git(checkout_path(world), "for-each-ref")) == (
        before,
        notes,
    )
