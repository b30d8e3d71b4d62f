"""What a build writes into its own checkout is not a change of it, wherever cargo writes it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hero_build.source.git.status import status
from support import git_repos, rust_crates, source_builds
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
