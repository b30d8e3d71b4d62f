"""Islands of a repo that is not one workspace at its root: they are built in the workspace that has them."""

from pathlib import Path

import pytest

from support import desktops, git_repos, island_workspace, refusals
from support.desktops import bundle, there
from support.refusals import Refusal
from support.source_builds import checkout_path
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


def name_workspace(recipe: Path, folder: str) -> None:
    text = recipe.read_text().replace("import Recipe", "import Cargo, Recipe")
    recipe.write_text(f'{text}\n    def cargo(self, platform):\n        return Cargo(workspace="{folder}")\n')
