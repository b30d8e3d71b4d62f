"""`--mode auto`: a whole app is downloaded or built, with the reason on record; what merely fails is never a build."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hero_build.platforms import machine_arch
from support import git_repos, mirrors, rust_crates, source_builds, worlds
from support.elf_files import program, static_bytes
from support.fault_server import FaultServer, answer, serve
from support.mirrors import asset
from support.refusals import Refusal, Row, Stage, Start, check_row, parametrize_rows
from support.source_builds import PROGRAMS, Spies, checkout_path, installed_app, program_output, shared_target
from support.worlds import World

DB = {
    "Cargo.toml": rust_crates.manifest("db"),
    "src/bin/db.rs": rust_crates.program("db from source"),
    "src/bin/db_admin.rs": rust_crates.program("db_admin from source"),
}
AUTO = ("install", "db")
UPLOAD = "Run it again; if it still fails, ask the publisher of the release to upload it again."
ADMIN = asset("db_admin")


def test_a_release_with_everything_is_downloaded(world: World, spies: Spies) -> None:
    """And git and cargo are needed for nothing."""
    source_builds.add_app(world)
    world.release("app", "v1", *PROGRAMS)
    spies.forget()
    world.ok("install", "app")
    assert [program_output(world, name) for name in PROGRAMS] == ["app v1", "app_server v1"]
    assert installed_app(world)["why"] == "release v1 carries all 2 binaries"
    assert "build" not in installed_app(world)
    assert spies.calls("git") == spies.calls("cargo") == []


def test_a_release_without_one_artifact_is_not_used_at_all(world: World) -> None:
    """The reason is on record, and is shown."""
    source_builds.add_app(world)
    world.release("app", "v1", "app")
    done = world.run("install", "app")
    assert done.code == 0, done.err
    why = f"release v1 lacks {asset('app_server')}"
    assert f"app {installed_app(world)['version']} (source: {why})" in done.out
    assert f"app: build {installed_app(world)['version']}, because {why}" in done.err
    assert [program_output(world, name) for name in PROGRAMS] == ["app", "server"]
    app = installed_app(world)
    assert (app["why"], app["requested"], app["used"]) == (why, "auto", "source")
    assert [item["asset"] for item in app["binaries"].values()] == [None, None]
    assert why in world.ok("explain", "app")
    document = worlds.valid(world.run("explain", "app", "--json").document)
    assert document["installed"][0]["why"] == why
    assert document["release"]["tag"] == "v1"


@pytest.mark.parametrize("tool", ["git", "cargo"])
def test_a_build_that_cannot_start_says_why_it_is_one(tool: str, world: World, tmp_path: Path) -> None:
    """With what `--mode download` suggests first, and what the machine lacks last."""
    source_builds.add_app(world)
    world.release("app", "v1", "app", "app_servre")
    env = source_builds.path_without(tmp_path / "path", tool)
    done = world.run("install", "app", env=env)
    missing, near = asset("app_server"), asset("app_servre")
    assert done.code == 8
    assert (
        f"error: app: release v1 lacks {missing}, so it would be built, and {tool} is not on this machine" in done.err
    )
    hint = done.err.split("hint: ")[1]
    assert hint.startswith(f"It has: {asset('app')}, {near}, SHA256SUMS. Nearest: {near}. Install ")
    done = world.run("explain", "app", env=env)
    assert done.code == 8
    assert "  release    v1, 3 assets" in done.out
    assert f"no asset {missing}" in done.out
    assert f"{asset('app')}, " in done.out


def test_a_mistyped_version_is_not_hidden_by_what_the_machine_lacks(world: World, tmp_path: Path) -> None:
    source_builds.add_app(world)
    world.release("app", "v0.3.2", *PROGRAMS)
    env = source_builds.path_without(tmp_path / "path", "cargo")
    done = world.run("install", "app", "--version", "v0.3.3", env=env)
    assert done.code == 8
    assert "release v0.3.3 does not exist, so it would be built, and cargo is not on this machine" in done.err
    assert "hint: Did you mean v0.3.2? Install Rust" in done.err
    done = world.run("install", "app", "--version", "v0.3.3")
    assert done.code == 3
    assert "release v0.3.3 does not exist, so it would be built, and o/app has no tag 'v0.3.3'" in done.err
    assert "Did you mean v0.3.2?" in done.err


def test_explain_says_which_release_it_did_not_find_or_did_not_look_for(world: World) -> None:
    source_builds.add_app(world)
    assert re.search(r"  release    none: .*o/app", world.ok("explain", "app"))
    world.release("app", "v1", *PROGRAMS)
    assert "release    not asked for: this is a build" in world.ok("explain", "app", "--mode", "source")
    assert "release    not asked for: --ref means a build" in world.ok("explain", "app", "--ref", "main")
    document = worlds.valid(world.run("explain", "app", "--mode", "source", "--json").document)
    assert (document["release"], document["no_release"]) == (None, "not asked for: this is a build")


def test_what_was_built_here_is_compared_with_the_release_s_build_for_the_same_libc(world: World) -> None:
    source_builds.add_app(world)
    world.ok("install", "app", "--mode", "source")
    world.release("app", "v1", *PROGRAMS)
    gnu = {name: f"{name}-linux-{machine_arch()}-gnu" for name in PROGRAMS}
    done = world.run("verify", "app", "--against-release")
    assert done.code == 5
    platform = gnu["app"].removeprefix("app-")
    text = " ".join(done.out.split())
    assert f"bin/app was built here for {platform}, and the release has none for that" in text
    files = {gnu[name]: (world.root.path / "bin" / name).read_bytes() for name in PROGRAMS}
    mirrors.release(world.mirror, app="app", tag="v2", files={**files, **mirrors.programs("v2", *PROGRAMS)})
    assert "1 part as released" in world.ok("verify", "app", "--against-release")
    mirrors.release(world.mirror, app="app", tag="v3", files={**files, gnu["app"]: files[gnu["app_server"]]})
    done = world.run("verify", "app", "--against-release")
    assert (done.code, "bin/app has sha256" in done.out, "bin/app_server" in done.out) == (5, True, False)


def test_no_release_is_a_build_and_the_first_release_takes_its_place(world: World) -> None:
    source_builds.add_app(world)
    world.ok("install", "app")
    assert installed_app(world)["why"] == "no release exists"
    world.release("app", "v1", *PROGRAMS)
    assert "-> v1 (download)" in world.ok("install", "app")
    assert program_output(world) == "app v1"


def test_download_never_builds(world: World, spies: Spies) -> None:
    source_builds.add_app(world)
    world.release("app", "v1", "app")
    spies.forget()
    done = world.run("install", "app", "--mode", "download")
    assert done.code == 3
    assert f"release v1 of o/app has no asset {asset('app_server')}" in done.err
    assert spies.calls("git") == spies.calls("cargo") == []


def test_source_asks_no_forge_for_releases(world: World, faults: FaultServer) -> None:
    """The checkout is there, so nobody is asked anything."""
    source_builds.add_app(world)
    source_builds.clone_checkout(world)
    done = world.run("install", "app", "--mode", "source", env={"FORGEJO_URL": faults.url})
    assert done.code == 0, done.err
    assert faults.seen == []


def on(path: str, content: bytes | int) -> Callable[[Stage], None]:
    def arrange(stage: Stage) -> None:
        stage.publish()
        stage.forge.on(path, answer(content, b"no") if isinstance(content, int) else serve(content))

    return arrange


def unfit(stage: Stage) -> None:
    stage.publish(db_admin=static_bytes(program("db_admin", "v2"))[:300])


def wrong_sum(stage: Stage) -> None:
    stage.publish(checksums=mirrors.sums(dict.fromkeys(mirrors.programs("v2", *("db", "db_admin")), b"other")))


LATEST = "/api/v1/repos/o/db/releases/latest"
FILE = f"/dl/v2/{ADMIN}"
ROWS = (
    Row(
        "nobody-there",
        arrange=lambda stage: stage.forge.stop(),
        refusal=Refusal(4, kind="NetworkError", message="127.0.0.1…", hint="…"),
        words=AUTO,
    ),
    Row(
        "500",
        arrange=on(LATEST, 500),
        refusal=Refusal(4, kind="NetworkError", message="127.0.0.1 failed (500): no", hint="…"),
        words=AUTO,
    ),
    Row(
        "401",
        arrange=on(LATEST, 401),
        refusal=Refusal(4, kind="AuthError", message="127.0.0.1 does not accept the request (401): no", hint="…"),
        words=AUTO,
    ),
    Row(
        "403",
        arrange=on(LATEST, 403),
        refusal=Refusal(4, kind="AuthError", message="127.0.0.1 forbids the request (403): no", hint="…"),
        words=AUTO,
    ),
    Row(
        "page",
        arrange=on(LATEST, b"<html>"),
        refusal=Refusal(4, kind="BadForgeResponse", message="…", hint="…"),
        words=AUTO,
    ),
    Row(
        "asset-401",
        arrange=on(FILE, 401),
        refusal=Refusal(4, kind="AuthError", message="127.0.0.1 does not accept the request (401): no", hint="…"),
        words=AUTO,
    ),
    Row(
        "asset-404", arrange=on(FILE, 404), refusal=Refusal(3, kind="AssetNotFound", message="…", hint="…"), words=AUTO
    ),
    Row(
        "no-such-repo",
        arrange=lambda stage: None,
        refusal=Refusal(3, kind="RepoNotFound", message="…", hint="…"),
        words=AUTO,
    ),
    Row(
        "wrong-sum",
        arrange=wrong_sum,
        refusal=Refusal(5, kind="ChecksumMismatch", message=f"{asset('db')}…", hint=UPLOAD),
        words=AUTO,
    ),
    Row("bad-elf", arrange=unfit, refusal=Refusal(5, kind="InvalidBinary", message=f"{ADMIN} …", hint="…"), words=AUTO),
)


@pytest.fixture
def stage(world: World, faults: FaultServer, another: FaultServer) -> Stage:
    world.recipe("db", "db", "db_admin")
    return Stage(world, faults, another)


@pytest.fixture
def buildable(world: World, spies: Spies) -> Iterator[Path]:
    """A checkout that could be built; neither git nor cargo is started before the test ends, and it stays as it is."""
    path = git_repos.repository(checkout_path(world, "db"), DB)
    before = git_repos.files(path)
    spies.forget()
    yield path
    assert git_repos.files(path) == before
    assert spies.calls("git") == spies.calls("cargo") == []


@parametrize_rows(ROWS)
def test_what_fails_is_an_error_and_never_a_build(row: Row, start: Start, stage: Stage, buildable: Path) -> None:
    check_row(stage, row, start)


def test_what_was_buildable_would_have_been_built(stage: Stage) -> None:
    git_repos.repository(checkout_path(stage.world, "db"), DB)
    stage.forge.release("o/db", "v2", {asset("db"): static_bytes(program("db", "v2"))})
    done = stage.world.run(*AUTO, env=stage.environ)
    assert done.code == 0, done.err
    assert program_output(stage.world, "db") == "db from source"
    assert (shared_target(stage.world) / "release" / "db").is_file()
