"""A recipe that another user owns, or that every user may write, is not run without a word."""

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.refusals import check_no_leak
from support.worlds import World

OTHER = 12345  # a user ID without an entry in passwd
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
RECIPE = "recipes/db.py"


def given_away(path: Path) -> None:
    os.chown(path, OTHER, OTHER)


def open_to_all(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o002)


def compiled(path: Path) -> None:
    folder = path / "__pycache__"
    folder.mkdir(exist_ok=True)
    open_to_all(folder)


def beside(path: Path) -> None:
    (path / "_shared.py").write_text("VALUE = 1\n")
    open_to_all(path / "_shared.py")


CASES = (
    pytest.param(RECIPE, given_away, "user ID 12345", marks=AS_ROOT, id="owner-of-the-file"),
    pytest.param("recipes", given_away, "user ID 12345", marks=AS_ROOT, id="owner-of-the-folder"),
    pytest.param(RECIPE, open_to_all, "every user may write it", id="file-open-to-all"),
    pytest.param("recipes", open_to_all, "every user may write it", id="folder-open-to-all"),
    pytest.param("recipes", compiled, "every user may write it", id="compiled-copies-open-to-all"),
    pytest.param("recipes", beside, "every user may write it", id="module-beside-it-open-to-all"),
)


@pytest.mark.parametrize(("name", "spoil", "reason"), CASES)
def test_an_untrusted_recipe_is_refused_until_the_hint_is_followed(
    name: str, spoil: Callable[[Path], None], reason: str, two_apps: World
) -> None:
    trap = two_apps.folder / "it-ran"
    recipe = two_apps.recipes / "db.py"
    recipe.write_text(f"import pathlib\npathlib.Path({str(trap)!r}).touch()\n{recipe.read_text()}")
    (two_apps.recipes / "_sets.py").unlink()
    spoil(two_apps.folder / name)
    refused = two_apps.run("install", "db", "--json")
    assert refused.code == 8
    check_no_leak(refused)
    error = refused.document["failed"][0] if "failed" in refused.document else refused.document["error"]
    assert error["kind"] == "UntrustedRecipe"
    assert reason in error["message"]
    assert not trap.exists()
    assert not two_apps.root.current.exists()
    doctor = two_apps.run("doctor")
    assert doctor.code == 8
    assert reason in doctor.out
    assert not trap.exists()
    command = shlex.split(error["hint"].split("`")[1])
    assert command[0] in ("chown", "chmod")
    subprocess.run(command, check=True)
    two_apps.ok("install", "db")
    assert trap.exists()


def test_untrusted_sets_are_refused(two_apps: World) -> None:
    open_to_all(two_apps.recipes / "_sets.py")
    refused = two_apps.run("list")
    assert refused.code == 8
    assert f"{two_apps.recipes}/_sets.py is not run" in refused.err


def test_a_link_to_an_untrusted_recipe(two_apps: World) -> None:
    elsewhere = two_apps.folder / "elsewhere"
    elsewhere.mkdir()
    (two_apps.recipes / "db.py").rename(elsewhere / "db.py")
    (two_apps.recipes / "db.py").symlink_to(elsewhere / "db.py")
    two_apps.ok("install", "db")
    open_to_all(elsewhere)
    assert two_apps.run("install", "db").code == 8


def test_a_sticky_folder_and_a_shared_group_are_trusted(two_apps: World) -> None:
    """In a folder like /tmp nobody can replace another's file; a group is trusted by the user who made it."""
    two_apps.recipes.chmod(0o1777)
    (two_apps.recipes / "db.py").chmod(0o664)
    two_apps.ok("install", "db")


@AS_ROOT
def test_recipes_of_the_user_who_called_sudo_are_trusted(two_apps: World) -> None:
    (two_apps.recipes / "_sets.py").unlink()
    for path in (two_apps.recipes, *two_apps.recipes.iterdir()):
        given_away(path)
    assert two_apps.run("install", "db").code == 8
    assert two_apps.run("install", "db", env={"SUDO_UID": str(OTHER + 1)}).code == 8
    assert two_apps.run("install", "db", env={"SUDO_UID": str(OTHER)}).code == 0


@pytest.mark.parametrize("tag", ["-v1", "--upload-pack=x"])
def test_a_tag_that_begins_with_a_dash(tag: str, two_apps: World) -> None:
    refused = two_apps.run("install", "db", f"--version={tag}")
    assert refused.code == 2
    assert f"'{tag}' cannot be a tag" in refused.err


def test_a_forge_whose_newest_release_begins_with_a_dash(two_apps: World) -> None:
    (two_apps.mirror / "o" / "db" / "latest").write_text("-v9\n")
    refused = two_apps.run("install", "db", "--mode", "download")
    assert refused.code == 4
    check_no_leak(refused)
    assert "has an invalid tag: '-v9'" in refused.err
    assert not two_apps.root.current.exists()
