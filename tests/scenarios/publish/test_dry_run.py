"""`publish --dry-run`: what would be built and uploaded, and what is refused before a build; nothing changes."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hero_build.platforms import machine_arch
from support import git_repos, publish_cli, roots, rust_world, source_builds, worlds
from support.forge_server import ForgeServer
from support.publish_cli import PLATFORM, PROGRAMS, out
from support.worlds import World

CARGO_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}[machine_arch()]


@pytest.fixture(autouse=True)
def plain(plain_tools: None) -> None:
    """cargo and git without a person's habits."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return publish_cli.hero_db(tmp_path)


def clone(world: World) -> Path:
    """The checkout that a developer has."""
    path = world.root.path / "code0" / "lhumina_code" / "hero_db"
    path.parent.mkdir(parents=True)
    upstream = rust_world.upstream(world.mirror, "hero_db")
    git_repos.git(path.parent, "clone", "--quiet", str(upstream.bare), str(path))
    return path


def state(world: World) -> Mapping[str, str]:
    """All that a dry run may not change: everything but the cache."""
    return {name: text for name, text in roots.tree(world.folder).items() if not name.startswith("cache")}


def dry(world: World, *words: str) -> worlds.Done:
    return world.run("publish", "hero_db", "--tag", "v1", "--to", out(world), "--dry-run", *words)


def test_a_new_release_is_listed_asset_by_asset_and_nothing_is_built(world: World) -> None:
    path = clone(world)
    commit = git_repos.git(path, "rev-parse", "HEAD")
    before = state(world)
    done = dry(world, "--with-legacy-names")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == f"lhumina_code/hero_db v1 at {out(world)}: new"
    assert lines[1].split() == [PLATFORM, commit[:12], f"hero_db_server-{PLATFORM}"]
    assert [line.split() for line in lines[2:4]] == [[f"hero_db_admin-{PLATFORM}"], [f"hero_db_ui-{PLATFORM}"]]
    assert lines[-1] == "dry run, nothing was built or uploaded: 1 release, 5 assets and their checksums"
    document = worlds.valid(dry(world, "--json").document)
    (planned,) = document["planned"]
    assert (document["dry_run"], document["releases"], planned["state"]) == (True, [], "absent")
    assert set(planned["jobs"][0]["assets"]) == {
        *(f"{name}-{PLATFORM}" for name in PROGRAMS),
        f"hero_db-{PLATFORM}.build.json",
    }
    assert state(world) == before
    assert not (path / "target").exists()


def test_what_is_published_already_is_said(world: World) -> None:
    assert world.run("publish", "hero_db", "--tag", "v1", "--to", out(world)).code == 0
    before = state(world)
    assert f"lhumina_code/hero_db v1 at {out(world)}: is published already, " in dry(world).out
    assert state(world) == before


def test_without_a_checkout_nothing_is_cloned(world: World) -> None:
    before = state(world)
    done = dry(world)
    assert done.code == 0, done.err
    assert f"  {PLATFORM}  to be cloned or switched  hero_db_server-{PLATFORM}" in done.out.splitlines()
    assert state(world) == before


def test_uncommitted_changes_are_refused_as_by_publish(world: World) -> None:
    git_repos.write(clone(world), {"notes.txt": "mine"})
    done = dry(world)
    assert done.code == 8
    assert "has changes that are not committed" in done.err
    assert dry(world, "--allow-dirty").code == 0


def test_a_platform_without_its_rust_target_is_refused_with_the_command(world: World) -> None:
    clone(world)
    other = "arm64" if machine_arch() == "amd64" else "amd64"
    done = dry(world, "--platform", f"linux-{other}-gnu")
    assert done.code == 8
    assert "rustup target add" in done.err
    assert not (world.folder / "out").exists()


def test_without_cargo_it_says_what_is_missing(world: World, tmp_path: Path) -> None:
    clone(world)
    env = source_builds.path_without(tmp_path / "path", "cargo")
    done = world.run("publish", "hero_db", "--tag", "v1", "--to", out(world), "--dry-run", env=env)
    assert done.code == 8
    assert "cargo is not on this machine" in done.err


def test_prebuilt_artifacts_are_verified(tmp_path: Path) -> None:
    world = publish_cli.hero_db(tmp_path, libc="musl")
    clone(world)
    musl = str(roots.platform())
    env = source_builds.path_without(tmp_path / "path", "cargo")
    words = ("publish", "hero_db", "--tag", "v1", "--to", out(world), "--dry-run", "--from")
    done = world.run(*words, publish_cli.dist(tmp_path / "dist", musl), env=env)
    assert done.code == 0, done.err
    assert f"hero_db_server-{musl}" in done.out
    broken = publish_cli.dist(tmp_path / "broken", musl, changed={"hero_db": b"#!/bin/sh\n"})
    assert world.run(*words, broken, env=env).code == 5
    lacking = publish_cli.dist(tmp_path / "lacking", musl, changed={"hero_db": None})
    assert world.run(*words, lacking, env=env).code == 3


def test_on_a_server(world: World, forge_server: ForgeServer) -> None:
    """The repository, the token and the draft of the tag are looked up, and nothing is created."""
    repo = publish_cli.pushed(forge_server, world)
    publish_cli.recipe(world, "hero_db", publish_cli._DB.format(repo=repo, libc="gnu"))
    person = publish_cli.publisher(world, forge_server)
    words = ("publish", "hero_db", "--tag", "v1", "--dry-run")
    assert f"{repo} v1 at {forge_server.url}: new" in person.ok(*words).out
    assert forge_server.api("GET", f"/repos/{repo}/releases?draft=true") == []
    done = person.run(*words, FORGEJO_TOKEN="")
    assert (done.code, "publishing needs a token" in done.err) == (4, True)
    person.ok("publish", "hero_db", "--tag", "v1", "--draft")
    assert f"{repo} v1 at {forge_server.url}: continues its draft, " in person.ok(*words).out
    assert person.ok(*words, "--finish").code == 0
    done = person.run(*words, "--finish", "--platform", "linux-arm64-musl")
    assert (done.code, "v1 of" in done.err and "lacks hero_db-linux-arm64-musl.build.json" in done.err) == (3, True)
    person.ok("publish", "hero_db", "--tag", "v1", "--finish")
    assert "is published already, " in person.ok(*words).out
