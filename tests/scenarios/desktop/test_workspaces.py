"""Islands of a repo that is not one workspace at its root: they are built in the workspace that has them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support import desktops, git_repos, island_workspace, refusals
from support.desktops import bundle, there
from support.refusals import Refusal
from support.source_builds import checkout_path
from support.worlds import REPO as REPO_ROOT
from support.worlds import World

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("toolchain")]
REPO = "o/hero_archipelagos"
ROOT = {
    "Cargo.toml": '[workspace]\nmembers = ["core"]\nexclude = ["web", "more"]\nresolver = "2"\n',
    "core/Cargo.toml": '[package]\nname = "core_types"\nversion = "0.1.0"\nedition = "2021"\n',
    "core/src/lib.rs": "",
}
"""A root workspace of libraries only."""


def nested_sources(world: World, *folders: str) -> dict[str, str]:
    """The repository, with the islands' workspace in each folder; the environment of its builds."""
    tree = island_workspace.workspace(world.folder / "islands", ("greeter", "notes"))
    island_workspace.prepare_workspace(tree, world.folder / "cache")
    target = world.folder / "islands-target"
    (tree / "target").rename(target)
    texts = desktops.texts(tree)
    files = {f"{folder}/{name}": text for folder in folders for name, text in texts.items()}
    git_repos.upstream(world.mirror, repo=REPO, files={**ROOT, **files}, branch=desktops.BRANCH)
    return {"CARGO_TARGET_DIR": str(target)}


def test_islands_of_a_workspace_in_a_folder(world: World) -> None:
    env = nested_sources(world, "web")
    done = world.run("islands", env=env)
    assert done.code == 0, done.err
    assert there(world) == ["island_greeter", "island_notes"]
    assert "island_notes_bg.wasm" in bundle(world, "island_notes")
    assert "nothing to do: 2 bundles as asked, intact" in world.run("islands", env=env).out
    refusals.check_consistent(world.root)


def test_islands_of_two_workspaces_are_ambiguous(world: World) -> None:
    env = nested_sources(world, "more", "web")
    tree = checkout_path(world, "hero_archipelagos")
    message = f"2 workspaces of {tree} have bundles: more and web"
    refusal = Refusal(
        6, kind="BuildError", message=message, hint='Name one of them in the recipe: Cargo(workspace="more").'
    )
    world.run("islands", env=env)  # clones
    desktops.refused(world, refusal, "islands", env=env)
    name_workspace(world.recipes / "hero_archipelagos.py", "web")
    done = world.run("islands", env=env)
    assert done.code == 0, done.err
    assert there(world) == ["island_greeter", "island_notes"]


SHELL_ROOT = {
    "Cargo.toml": '[workspace]\nmembers = ["server"]\nexclude = ["web"]\nresolver = "2"\n',
    "server/Cargo.toml": '[package]\nname = "hero_os_server"\nversion = "0.1.0"\nedition = "2021"\n',
    "server/src/main.rs": 'fn main() { println!("serves"); }\n',
}
"""A root workspace with the server; the shell is in another."""


def test_the_shell_of_a_workspace_in_a_folder(world: World) -> None:
    """Its program is built in the root workspace, each with the lock file of its own."""
    tree = world.folder / "os"
    files = desktops.texts(REPO_ROOT / "tests" / "world" / "hero_os")
    git_repos.write(tree, {name: text.replace('"app", "server"', '"app"') for name, text in files.items()})
    shutil.rmtree(tree / "server")
    island_workspace.prepare_workspace(tree, world.folder / "cache")
    target = world.folder / "os-target"
    (tree / "target").rename(target)
    nested = {f"web/{name}": text for name, text in desktops.texts(tree).items()}
    git_repos.upstream(world.mirror, repo="o/hero_os", files={**SHELL_ROOT, **nested}, branch=desktops.BRANCH)
    env = {"CARGO_TARGET_DIR": str(target)}
    for words in (("install", "hero_os"), ("shell",)):
        done = world.run(*words, env=env)
        assert done.code == 0, done.err
    assert (world.root.path / desktops.SHELL / "hero_os_app_bg.wasm").is_file()
    assert subprocess.check_output([world.root.path / "bin" / "hero_os_server"]) == b"serves\n"
    assert "nothing to do" in world.run("shell", env=env).out
    assert "nothing to do" in world.run("install", "hero_os", env=env).out
    refusals.check_consistent(world.root)


def name_workspace(recipe: Path, folder: str) -> None:
    text = recipe.read_text().replace("import Recipe", "import Cargo, Recipe")
    recipe.write_text(f'{text}\n    def cargo(self, platform):\n        return Cargo(workspace="{folder}")\n')
