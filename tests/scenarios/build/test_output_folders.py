"""What a build writes into its own checkout is not a change of it, wherever cargo writes it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hero_build.source.git.status import status
from support import git_repos, rust_crates, source_builds
from support.publish_cli import PLATFORM
from support.source_builds import SOURCE, Spies, checkout_path, program_output
from support.worlds import World


def link(tree: Path) -> None:
    """To a folder that exists, on another disk, say: cargo puts no CACHEDIR.TAG into it."""
    elsewhere = tree.parent / "big disk"
    elsewhere.mkdir()
    (tree / "target").symlink_to(elsewhere)


def existing_folder(tree: Path) -> None:
    (tree / "target").mkdir()


def configured(*lines: str) -> Callable[[Path], None]:
    """In a folder above, as a person has it: it does not belong to the repository."""
    text = "\n".join(["[build]", *lines, ""])
    return lambda tree: git_repos.write(tree.parent, {".cargo/config.toml": text.replace("TREE", str(tree))})


SETUPS: dict[str, Callable[[Path], None]] = {
    "target is a link": link,
    "target exists before": existing_folder,
    "build.target-dir": configured('target-dir = "TREE/made here"'),
    "build.target-dir, relative": configured('target-dir = "app/made"'),
    "build.build-dir": configured('build-dir = "TREE/between"'),
    "build.build-dir, a template": configured('build-dir = "{workspace-root}/between/{workspace-path-hash}"'),
}


@pytest.mark.parametrize("name", SETUPS)
def test_the_second_run_keeps_what_the_first_built(name: str, world: World, spies: Spies) -> None:
    files = {**rust_crates.APP, ".gitignore": "/target/\n" if "link" in name else "nothing\n"}
    source_builds.add_app(world, files=files)
    tree = source_builds.clone_checkout(world)
    SETUPS[name](tree)
    world.ok(*SOURCE)
    assert status(tree).changes == ()
    number = os.readlink(world.root.current)
    assert "nothing to do: app: " in world.ok(*SOURCE)
    assert os.readlink(world.root.current) == number
    assert program_output(world) == "app"


def test_a_tracked_file_in_an_output_folder_is_still_an_input(world: World) -> None:
    source_builds.add_app(world, files={**rust_crates.APP, "made/notes.txt": "one"})
    tree = source_builds.clone_checkout(world)
    configured('target-dir = "TREE/made"')(tree)
    world.ok(*SOURCE)
    assert status(tree).changes == ()
    git_repos.write(tree, {"made/notes.txt": "two"})
    assert status(tree).changes == ("made/notes.txt",)


def test_a_folder_that_cargo_does_not_use_is_a_change(world: World) -> None:
    source_builds.add_app(world, files={**rust_crates.APP, ".gitignore": "nothing\n"})
    tree = source_builds.clone_checkout(world)
    git_repos.write(checkout_path(world), {"target/notes.txt": "one", "made/notes.txt": "two"})
    assert status(tree).changes == ("made/notes.txt", "target/notes.txt")


def with_arguments(world: World, *arguments: str) -> None:
    path = world.recipe("app", "app", "app_server")
    text = path.read_text().replace("import Recipe", "import Cargo, Recipe")
    path.write_text(f"{text}\n    def cargo(self, platform):\n        return Cargo(args={arguments!r})\n")


@pytest.mark.parametrize("arguments", [("--target-dir=made",), ("--target-dir", "made/here")])
def test_a_target_folder_that_a_recipe_names(arguments: tuple[str, ...], world: World, spies: Spies) -> None:
    source_builds.add_app(world, files={**rust_crates.APP, ".gitignore": "nothing\n"})
    with_arguments(world, *arguments)
    world.ok(*SOURCE)
    assert status(checkout_path(world)).changes == ()
    spies.forget()
    assert "is up to date with its checkout" in world.ok(*SOURCE)
    assert spies.calls("cargo") == []


def test_a_build_script_runs_again_in_the_target_folder_of_the_recipe(world: World, spies: Spies) -> None:
    """Where a tag may have changed what a silent script read."""
    script = """use std::process::Command;
    fn main() {
        let output = Command::new("git").args(["describe", "--tags", "--always"]).output().unwrap();
        println!("cargo:rustc-env=DESCRIBED={}", String::from_utf8(output.stdout).unwrap().trim());
    }
    """
    program = 'fn main() { println!("{}", env!("DESCRIBED")); }\n'
    files = {**rust_crates.APP, ".gitignore": "nothing\n", "build.rs": script, "src/bin/app.rs": program}
    source_builds.add_app(world, files=files)
    with_arguments(world, "--target-dir=made")
    world.ok(*SOURCE)
    git_repos.git(checkout_path(world), "tag", "v9")
    world.ok(*SOURCE)
    assert program_output(world) == "v9"


NESTED_CONFIGS = {
    "target-dir": '[build]\ntarget-dir = "made"\n',
    "build-dir": '[build]\nbuild-dir = "between/{workspace-path-hash}"\n',
}


@pytest.mark.parametrize("name", NESTED_CONFIGS)
def test_the_configuration_of_a_nested_workspace(name: str, world: World, spies: Spies) -> None:
    nested = {f"part/{path}": text for path, text in rust_crates.APP.items() if path != ".gitignore"}
    root = '[workspace]\nmembers = []\nexclude = ["part"]\n'
    files = {"Cargo.toml": root, **nested, "part/.cargo/config.toml": NESTED_CONFIGS[name]}
    source_builds.add_app(world, files=files)
    world.ok(*SOURCE)
    assert status(checkout_path(world)).changes == ()
    spies.forget()
    assert "is up to date with its checkout" in world.ok(*SOURCE)
    assert spies.calls("cargo") == []


def test_a_build_by_hand_in_a_nested_workspace(world: World, spies: Spies) -> None:
    nested = {f"part/{path}": text for path, text in rust_crates.APP.items() if path != ".gitignore"}
    source_builds.add_app(world, files={"Cargo.toml": '[workspace]\nmembers = []\nexclude = ["part"]\n', **nested})
    tree = source_builds.clone_checkout(world)
    env = {**os.environ, "CARGO_CACHE_RUSTC_INFO": "0"}
    subprocess.run(["cargo", "build", "--quiet", "--locked"], cwd=tree / "part", env=env, check=True)
    assert status(tree).changes == ()
    git_repos.write(tree, {"part/notes.txt": "mine"})
    assert status(tree).changes == ("part/notes.txt",)


def test_what_a_build_reads_from_an_output_folder_counts(world: World, spies: Spies) -> None:
    """Files there are no changes of the checkout, so that they are recorded as read."""
    program = 'fn main() { println!("{}", include_str!("../../made/word.txt").trim()); }\n'
    source_builds.add_app(world, files={**rust_crates.APP, "src/bin/app.rs": program})
    tree = source_builds.clone_checkout(world)
    configured('target-dir = "TREE/made"')(tree)
    git_repos.write(tree, {"made/word.txt": "one"})
    world.ok(*SOURCE)
    git_repos.write(tree, {"made/word.txt": "two"})
    world.ok(*SOURCE)
    assert program_output(world) == "two"


@pytest.mark.parametrize("name", ["target exists before", "build.build-dir"])
def test_publishing_after_a_build_in_the_tree(name: str, world: World, spies: Spies) -> None:
    source_builds.add_app(world, files={**rust_crates.APP, ".gitignore": "nothing\n"}, libc='"gnu"')
    tree = source_builds.clone_checkout(world)
    SETUPS[name](tree)
    world.ok(*SOURCE)
    for tag in ("v1", "v2"):
        world.ok("publish", "app", "--tag", tag, "--to", (world.folder / "out").as_uri())
    record = json.loads((world.folder / "out" / "o" / "app" / "v2" / f"app-{PLATFORM}.build.json").read_text())
    assert record["dirty"] is False
