"""The step with which a job installs hero-build itself: written by the real command, and run by a shell."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hero_build import __version__
from hero_build.ops.own_wheel import REPO
from support import mirrors, worlds
from support.worlds import REPO as CHECKOUT
from support.worlds import World

NAME = f"hero_build-{__version__}-py3-none-any.whl"


@pytest.fixture
def with_recipe(world: World) -> World:
    world.recipe("db")
    return world


def publish(world: World, content: bytes, name: str = NAME, *, checksums: bool = True) -> None:
    mirrors.release(world.mirror, app="hero_build", tag="v9", files={name: content}, checksums=checksums)
    folder = world.mirror / REPO
    folder.parent.mkdir(exist_ok=True)
    (world.mirror / "o" / "hero_build").rename(folder)


def step(world: World) -> str:
    """The line of the job that installs hero-build."""
    document = YAML(typ="safe").load(world.ok("ci", "workflow", "db", "--install"))
    (line,) = {
        item["run"] for job in document["jobs"].values() for item in job["steps"] if "venv" in item.get("run", "")
    }
    return str(line)


def run(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """As a runner does; without the libraries of hero-build, which come from pip's own index."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(folder), "RUNNER_TEMP": str(folder), "GITHUB_PATH": str(folder / "path")}
    quiet = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(["bash", "-e", "-c", line], env={**env, **quiet}, capture_output=True, text=True)


@pytest.mark.slow
def test_the_line_installs_the_wheel_of_the_release_and_no_other(with_recipe: World, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", f"--outdir={tmp_path / 'dist'}", str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    content = (tmp_path / "dist" / NAME).read_bytes()
    publish(with_recipe, content)
    line = step(with_recipe)
    assert f"{NAME}#sha256=" in line
    released = with_recipe.mirror / REPO / "v9" / NAME
    with zipfile.ZipFile(released, "a") as archive:  # somebody replaces it
        archive.writestr("hero_build/evil.py", "")
    done = run(line, tmp_path)
    assert done.returncode != 0
    assert "DO NOT MATCH" in done.stderr.upper()
    assert not (tmp_path / "path").exists()
    released.write_bytes(content)
    done = run(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (Path((tmp_path / "path").read_text().strip()) / "hero-build").is_file()


def test_without_a_release_of_hero_build_it_is_an_error(with_recipe: World) -> None:
    done = with_recipe.run("ci", "workflow", "db", "--install", "--json")
    error = worlds.valid(done.document, "error")["error"]
    assert (done.code, error["hint"]) == (3, "Or write the command yourself: --install COMMAND.")
    publish(with_recipe, b"x", "notes.txt")
    assert with_recipe.run("ci", "workflow", "db", "--install").code == 3


def test_a_wheel_without_a_checksum_is_an_error(with_recipe: World) -> None:
    publish(with_recipe, b"x", checksums=False)
    done = with_recipe.run("ci", "workflow", "db", "--install")
    assert (done.code, f"has no checksum for {NAME}" in done.err) == (5, True)


def test_a_command_is_written_as_it_is(with_recipe: World) -> None:
    assert "      - run: './install.sh'\n" in with_recipe.ok("ci", "workflow", "db", "--install", "./install.sh")
