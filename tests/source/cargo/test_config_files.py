"""Where cargo will put its output, as its configuration says: cargo itself is asked, before there is any."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from hero_build.source.cargo.config_files import configured_output_folders
from support import git_repos, rust_crates

CASES: dict[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "target-dir": ({"app/.cargo/config.toml": "[build]\ntarget-dir = 'made'\n"}, {}),
    "target-dir, a path": ({"app/.cargo/config.toml": "[build]\ntarget-dir = 'TREE/made here'\n"}, {}),
    "target-dir, outside": ({"app/.cargo/config.toml": "[build]\ntarget-dir = '../made'\n"}, {}),
    "target-dir of a folder above": ({".cargo/config.toml": "[build]\ntarget-dir = 'app/made'\n"}, {}),
    "the older name": ({"app/.cargo/config": "[build]\ntarget-dir = 'made'\n"}, {}),
    "target-dir of the user": ({"home/config.toml": "[build]\ntarget-dir = 'TREE/made'\n"}, {}),
    "build-dir": ({"app/.cargo/config.toml": "[build]\nbuild-dir = 'between'\n"}, {}),
    "build-dir, a template": (
        {".cargo/config.toml": "[build]\nbuild-dir = '{workspace-root}/between/{workspace-path-hash}'\n"},
        {},
    ),
    "both": ({"app/.cargo/config.toml": "[build]\ntarget-dir = 'made'\nbuild-dir = 'between'\n"}, {}),
    "an included file": (
        {"app/.cargo/config.toml": "include = ['more.toml']\n", "app/.cargo/more.toml": "build.target-dir = 'made'\n"},
        {},
    ),
    "CARGO_TARGET_DIR": ({}, {"CARGO_TARGET_DIR": "made"}),
    "CARGO_TARGET_DIR, a path": ({}, {"CARGO_TARGET_DIR": "TREE/made"}),
    "CARGO_BUILD_TARGET_DIR": ({}, {"CARGO_BUILD_TARGET_DIR": "made"}),
    "CARGO_BUILD_BUILD_DIR": ({}, {"CARGO_BUILD_BUILD_DIR": "between"}),
    "a variable over a file": (
        {"app/.cargo/config.toml": "[build]\ntarget-dir = 'file'\n"},
        {"CARGO_TARGET_DIR": "made"},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_folders_are_those_that_cargo_names(name: str, tmp_path: Path) -> None:
    files, variables = CASES[name]
    tree = tmp_path / "app"
    git_repos.write(tree, rust_crates.APP)
    git_repos.write(tmp_path, {path: text.replace("TREE", str(tree)) for path, text in files.items()})
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CARGO_")}
    replaced = {key: value.replace("TREE", str(tree)) for key, value in variables.items()}
    env = {**kept, "CARGO_HOME": str(tmp_path / "home"), **replaced}
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"]
    output = subprocess.run(command, cwd=tree, env=env, check=True, capture_output=True, text=True).stdout
    document = json.loads(output)
    target = document["target_directory"]
    named = {Path(os.path.abspath(path)) for path in (target, document.get("build_directory", target))}
    folders = {*configured_output_folders(tree, env), tree / "target"}
    assert all(folders.intersection((path, *path.parents)) for path in named), named
    assert named != {tree / "target"}, "cargo does not know this setting"
