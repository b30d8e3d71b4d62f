"""Bad input of builds: what the machine lacks, what the repo is not, hostile names, full disks."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import git_repos, refusals, rust_crates, source_builds, worlds
from support.refusals import Refusal
from support.source_builds import (
    BROKEN,
    PROGRAMS,
    SOURCE,
    Spies,
    assert_refused,
    checkout_path,
    clone_checkout,
    program_output,
)
from support.worlds import World

RUST = "Install Rust with rustup (https://rustup.rs), then open a new shell."
GIT = "Install git (Debian, Ubuntu: `apt install git`; Fedora: `dnf install git`)."


@pytest.mark.parametrize(("lacking", "hint"), [("git", GIT), ("cargo", RUST)])
@pytest.mark.parametrize("words", [SOURCE, ("install", "app")], ids=["source", "auto"])
def test_no(lacking: str, hint: str, words: tuple[str, ...], world: World, tmp_path: Path) -> None:
    """Known before anything is cloned."""
    source_builds.add_app(world)
    env = source_builds.path_without(tmp_path / "path", lacking)
    why = "" if "--mode" in words else "no release exists, so it would be built, and "
    message = f"{why}{lacking} is not on this machine"
    assert_refused(world, Refusal(8, kind="MissingTool", message=message, hint=hint), *words, env=env)
    assert not (world.root.path / "code0").exists()


def test_a_download_needs_neither_git_nor_cargo(world: World, tmp_path: Path) -> None:
    source_builds.add_app(world)
    world.release("app", "v1", *PROGRAMS)
    env = source_builds.path_without(tmp_path / "path", "git", "cargo", "rustc")
    assert world.run("install", "app", env=env).code == 0
    assert program_output(world) == "app v1"


def test_an_app_without_a_need_of_cargo_is_installed_beside(world: World, tmp_path: Path) -> None:
    source_builds.add_app(world)
    world.recipe("db")
    world.release("db", "v1")
    done = world.run("install", "app", "db", env=source_builds.path_without(tmp_path / "path", "cargo"))
    assert done.code == 1
    assert "error: app: no release exists, so it would be built, and cargo is not on this machine" in done.err
    assert program_output(world, "db") == "db v1"


@dataclass(frozen=True, slots=True)
class Repo:
    """A repo, or a recipe, that cannot be built: the files that differ, and what is said."""

    refusal: Refusal
    files: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = PROGRAMS


WORKSPACE = "…/code0/o/app"
REPOS = {
    "compile-error": Repo(
        Refusal(
            6,
            kind="BuildError",
            message="cargo could not build app…: error[E0425]: cannot find value `words` in this scope",
            hint=f"Run `cargo build --release` in {WORKSPACE} to see the error alone.",
        ),
        {"src/bin/app.rs": BROKEN},
    ),
    "too-new-for-cargo": Repo(
        Refusal(8, kind="MissingTool", message="the Rust toolchain is too old…", hint="Update …with `rustup update`."),
        {"Cargo.toml": rust_crates.manifest("app", 'rust-version = "1.999"\n')},
    ),
    "edition-of-the-future": Repo(
        Refusal(
            8,
            kind="MissingTool",
            message="the Rust toolchain is too old for this repository",
            hint="Update … with `rustup update`.",
        ),
        {"Cargo.toml": rust_crates.manifest("app").replace("2021", "2051")},
    ),
    "lock-of-the-future": Repo(
        Refusal(
            8,
            kind="MissingTool",
            message="the Rust toolchain is too old for this repository",
            hint="Update … with `rustup update`.",
        ),
        {"Cargo.lock": rust_crates.LOCK.replace("version = 3", "version = 99")},
    ),
    "program-that-the-workspace-lacks": Repo(
        Refusal(
            6,
            kind="BuildError",
            message=f"the workspace {WORKSPACE} has no program app_servers",
            hint="It has: app, app_server. Nearest: app.",
        ),
        names=("app", "app_servers"),
    ),
    "lock-out-of-date": Repo(
        Refusal(
            6,
            kind="BuildError",
            message="cargo could not build app, app_server: "
            "error: cannot update the lock file … because --locked was passed…",
            hint=f"Cargo.lock is out of date: run `cargo update --workspace` in {WORKSPACE}, review it, and commit it.",
        ),
        {"Cargo.lock": rust_crates.LOCK.replace('version = "0.1.0"', 'version = "0.0.9"')},
    ),
    "no-manifest": Repo(
        Refusal(
            6,
            kind="BuildError",
            message=f"{WORKSPACE} has no Cargo.toml",
            hint="Is it a Rust repository, and on the right branch?",
        ),
        {"Cargo.toml": ""},
    ),
    "broken-manifest": Repo(
        Refusal(6, kind="BuildError", message=f"cargo cannot read the workspace {WORKSPACE}: error: …", hint="…"),
        {"Cargo.toml": "[package\n"},
    ),
    "build-script-that-fails": Repo(
        Refusal(
            6,
            kind="BuildError",
            message="cargo could not build app, app_server: error: failed to run custom build…",
            hint="…",
        ),
        {"build.rs": 'fn main() { panic!("no"); }\n'},
    ),
}


@pytest.mark.parametrize("name", REPOS)
def test_a_repo_with(name: str, world: World) -> None:
    """Root and work tree stay; the first attempt clones, so it is the second that must leave everything as it was."""
    repo = REPOS[name]
    files = {path: text for path, text in {**rust_crates.APP, **repo.files}.items() if text}
    git_repos.upstream(world.mirror, "o/app", files)
    world.recipe("app", *repo.names)
    refusals.check_refusal(world.run(*SOURCE, "--json"), repo.refusal, as_json=True)
    assert git_repos.git(checkout_path(world), "status", "--porcelain") == ""
    assert_refused(world, repo.refusal, *SOURCE)


def test_a_repo_that_breaks_leaves_the_version_before(world: World) -> None:
    upstream = source_builds.add_app(world)
    world.ok(*SOURCE)
    before = refusals.snapshot(world.root)
    upstream.commit({"src/bin/app.rs": BROKEN})
    done = world.run(*SOURCE, "--update")
    assert done.code == 6
    assert "nothing changed: still generation 1" in done.out
    assert refusals.snapshot(world.root) == before
    assert program_output(world) == "app"
    upstream.commit({"src/bin/app.rs": rust_crates.program("fixed")})
    world.ok(*SOURCE, "--update")
    assert program_output(world) == "fixed"


@pytest.mark.parametrize(
    "ref", ["--upload-pack=touch hacked", "-x", "a\nb", "a..b", "@{1}", "a b", "", "refs/../x", "\x1b[31m"]
)
@pytest.mark.parametrize("flag", ["--ref", "--version"])
def test_hostile(flag: str, ref: str, world: World, spies: Spies) -> None:
    """Refused before git or the forge hear of it."""
    source_builds.add_app(world)
    spies.forget()
    done = world.run("install", "app", f"{flag}={ref}")
    assert done.code == 2, done.err
    refusals.check_no_leak(done)
    assert "hint: " in done.err
    assert spies.calls("git") == spies.calls("cargo") == []
    assert not (world.root.path / "bin").exists()


def test_hostile_words_of_the_tree_do_not_reach_the_terminal(world: World) -> None:
    source_builds.add_app(
        world, files={**rust_crates.APP, "build.rs": 'fn main() { eprintln!("\\x1b[2Jodd\\x07"); panic!(); }\n'}
    )
    done = world.run(*SOURCE)
    assert done.code == 6
    refusals.check_no_leak(done)
    assert "odd" in done.err


@pytest.mark.parametrize("place", ["target", "root", "cache", "code"])
def test_disk_full(place: str, world: World, tmp_path: Path) -> None:
    """Where cargo builds, where what it built goes, where the log is, where the clone goes: 8, and nothing is lost."""
    source_builds.add_app(world)
    world.release("app", "v1", *PROGRAMS)
    world.ok("install", "app")
    clone_checkout(world)
    before, tree = refusals.snapshot(world.root), source_builds.user_state(checkout_path(world))
    folder = {
        "target": tmp_path / "target",
        "root": world.root.path / "var" / "hero_build" / "partial",
        "cache": world.folder / "cache",
        "code": tmp_path / "code",
    }[place]
    folder.mkdir(exist_ok=True)
    env = {"target": {"CARGO_TARGET_DIR": str(folder)}, "code": {"CODEROOT": str(folder)}}.get(place, {})
    size = {"target": "200k", "root": "200k", "cache": "4k", "code": "40k"}[place]
    done = world.run(*SOURCE, env=env, prefix=mounted(folder, size))
    assert done.code == 8, done.err
    refusals.check_no_leak(done)
    assert "disk is full" in done.err or "No space left on device" in done.err
    assert "hint: Free some space" in done.err
    assert refusals.snapshot(world.root) == before
    assert source_builds.user_state(checkout_path(world)) == tree
    assert program_output(world) == "app v1"
    world.ok(*SOURCE)
    assert program_output(world) == "app"


def mounted(folder: Path, size: str) -> tuple[str, ...]:
    """A prefix that runs a command with a small filesystem mounted at a folder."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    namespace = ("unshare", *user, "--mount")
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    return (*namespace, "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"', str(folder))


def test_every_document_of_a_failed_build_is_as_its_schema_says(world: World) -> None:
    source_builds.add_app(world, files={**rust_crates.APP, "src/bin/app.rs": BROKEN})
    done = world.run(*SOURCE, "--json")
    document = worlds.valid(json.loads(done.out))
    assert (document["exit"], document["failed"][0]["kind"], bool(document["failed"][0]["log"])) == (
        6,
        "BuildError",
        True,
    )
