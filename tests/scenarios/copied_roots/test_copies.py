"""A root that was copied: inodes, and sometimes mtimes, are other ones, and every command agrees that it is intact."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hero_build.install.layout import Root
from support import roots
from support.refusals import program_output
from support.worlds import World, valid

COPIES: Mapping[str, Callable[[Path, Path], list[str]]] = {
    "cp-a": lambda source, target: ["cp", "-a", str(source), str(target)],
    "cp-r": lambda source, target: ["cp", "-r", str(source), str(target)],  # without mtimes and hard links
    "rsync-aH": lambda source, target: ["rsync", "-aH", f"{source}/", str(target)],
    "rsync-a": lambda source, target: ["rsync", "-a", f"{source}/", str(target)],
    "tar": lambda source, target: [
        "sh",
        "-c",
        'mkdir "$1" && tar -C "$0" -c . | tar -C "$1" -x',
        *map(str, (source, target)),
    ],
}


@pytest.fixture(params=COPIES)
def copied(request: pytest.FixtureRequest, two_apps: World) -> World:
    """v1, then v2, then the root in a copy of itself."""
    tool = request.param.partition("-")[0]
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    two_apps.ok("install", "db", "--version", "v1")
    two_apps.ok("install", "db")
    original = two_apps.folder / "original"
    two_apps.root.path.rename(original)
    subprocess.run(COPIES[request.param](original, two_apps.root.path), check=True)
    shutil.rmtree(original)
    return two_apps


def test_a_copy_without_links_says_how_it_is_repaired(two_apps: World) -> None:
    two_apps.ok("install", "db", "--version", "v1")
    two_apps.ok("install", "db")
    copy = World(two_apps.folder / "copy")
    shutil.copytree(two_apps.folder, copy.folder, ignore=shutil.ignore_patterns("copy"))
    error = copy.run("status").err
    assert f"{copy.root.current} is not a link" in error
    shutil.move(copy.root.current, f"{copy.root.current}.old")
    assert f"`mv {copy.root.current} {copy.root.current}.old`" in error
    assert "`hero-build rollback N`" in error
    copy.ok("rollback", "1")
    copy.ok("verify")
    assert program_output(copy.root) == "db v1\n"


def touch_all(root: Root) -> None:
    """As a copy does that keeps no mtimes."""
    for path in root.current.resolve().rglob("*"):
        if path.is_file():
            path.touch()


def status(world: World) -> str:
    document = valid(world.run("status", "--json").document)
    (app,) = document["result"]["apps"] if "result" in document else document["apps"]
    return str(app["state"])


def test_status_and_verify_find_it_intact(copied: World) -> None:
    assert status(copied) == "intact"
    assert copied.run("verify").code == 0
    assert status(copied) == "intact"


def test_nothing_is_to_be_installed(copied: World) -> None:
    before = copied.root.current.readlink()
    copied.ok("install", "db")
    assert copied.root.current.readlink() == before


def test_rollback_to_each_generation(copied: World) -> None:
    copied.ok("rollback")
    assert program_output(copied.root) == "db v1\n"
    copied.ok("rollback", "2")
    assert program_output(copied.root) == "db v2\n"
    roots.settled(copied.root)


def test_upgrade_and_gc(copied: World) -> None:
    copied.release("db", "v3", "db", "db_admin")
    copied.ok("install", "db")
    assert program_output(copied.root) == "db v3\n"
    copied.ok("gc", "--keep", "1")
    copied.ok("verify")
    roots.settled(copied.root)


def test_damage_is_found_in_a_copy(copied: World) -> None:
    """Content of the same length, in the current generation and in the one before."""
    for number in (1, 2):
        path = copied.root.generation(number) / "bin" / "db"
        content = path.read_bytes()
        mode = path.stat().st_mode
        path.unlink()
        path.write_bytes(content[::-1])
        path.chmod(mode)
    assert status(copied) == "damaged"
    assert copied.run("verify").code == 5
    refused = copied.run("rollback")
    assert refused.code == 5
    assert "generation 1 is damaged: bin/db has other content" in refused.err
    copied.ok("verify", "--repair")
    assert status(copied) == "intact"
    assert program_output(copied.root) == "db v2\n"


def test_files_are_read_once_and_sealed_again(copied: World) -> None:
    touch_all(copied.root)
    assert status(copied) == "intact"
    sealed = (copied.root.current / "seal.json").read_text()
    status_of = (copied.root.current / "bin" / "db").stat()
    assert f"[{status_of.st_ino},{status_of.st_size},{status_of.st_mtime_ns}]" in sealed
    assert status(copied) == "intact"
    assert (copied.root.current / "seal.json").read_text() == sealed


def test_repair_changes_nothing(copied: World) -> None:
    before = copied.root.current.readlink()
    copied.ok("verify", "--repair")
    assert copied.root.current.readlink() == before
