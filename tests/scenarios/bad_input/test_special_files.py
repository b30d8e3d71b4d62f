"""A FIFO, a device or an endless file where a file is read: refused at once, by each command that would read it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support import mirrors
from support.mirrors import asset
from support.worlds import World

DB = asset("db")


def fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def endless(path: Path) -> None:
    """A sparse file of a terabyte."""
    path.write_bytes(b"")
    os.truncate(path, 1 << 40)


COMMANDS = (("install", "db"), ("mirror", "db", "{folder}/copy"), ("lock", "db", "-o", "{folder}/db.lock"))


@pytest.fixture
def mirrored(world: World) -> Path:
    """The folder of a release in the mirror."""
    world.recipe("db")
    mirrors.release(world.mirror, app="db", tag="v1", files=mirrors.programs("v1", "db"))
    return world.mirror / "o" / "db" / "v1"


def check_refused(world: World, words: tuple[str, ...], code: int, sentence: str) -> None:
    done = world.run(*(word.format(folder=world.folder) for word in words))
    assert done.code == code, done.err
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not world.root.current.exists()
    assert not (world.folder / "copy" / "o").exists()


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("name", ["latest", "release.json", "SHA256SUMS"])
def test_a_fifo_in_a_mirror(world: World, mirrored: Path, name: str, words: tuple[str, ...]) -> None:
    path = mirrored.parent / name if name == "latest" else mirrored / name
    fifo(path)
    check_refused(world, words, 4, f"{path} cannot be read: it is a FIFO, not a regular file")


@pytest.mark.parametrize("words", COMMANDS[:2], ids=lambda words: words[0])
def test_a_fifo_in_place_of_an_asset(world: World, mirrored: Path, words: tuple[str, ...]) -> None:
    fifo(mirrored / DB)
    check_refused(world, words, 4, f"{mirrored / DB} cannot be read: it is a FIFO, not a regular file")


@pytest.mark.parametrize("name", ["latest", "release.json", "SHA256SUMS", DB])
def test_a_device_in_a_mirror(world: World, mirrored: Path, name: str) -> None:
    """It leads out of the mirror, and is refused for that."""
    path = mirrored.parent / name if name == "latest" else mirrored / name
    device(path)
    check_refused(world, ("install", "db"), 2, "leads out of the mirror")


@pytest.mark.parametrize(
    ("name", "limit"), [("latest", "longer than 4096 bytes"), ("release.json", "longer than 8 MiB")]
)
def test_an_endless_file_in_a_mirror(world: World, mirrored: Path, name: str, limit: str) -> None:
    path = mirrored.parent / name if name == "latest" else mirrored / name
    endless(path)
    check_refused(world, ("install", "db"), 4, limit)


@pytest.mark.parametrize("make", [fifo, device, endless])
def test_a_settings_file(world: World, mirrored: Path, make: Callable[[Path], None]) -> None:
    assert mirrored.is_dir()
    path = world.root.path / "cfg" / "hero_build.toml"
    path.parent.mkdir(parents=True)
    make(path)
    check_refused(world, ("install", "db"), 2, f"{path} cannot be read: it is ")


@pytest.mark.parametrize("make", [fifo, device, endless])
def test_a_lock_file(world: World, mirrored: Path, make: Callable[[Path], None]) -> None:
    assert mirrored.is_dir()
    path = world.folder / "db.lock"
    make(path)
    check_refused(world, ("install", "--locked", str(path)), 2, f"{path} cannot be read: it is ")


@pytest.mark.parametrize("make", [fifo, device])
@pytest.mark.parametrize("name", ["db.py", "_sets.py"])
def test_a_recipe(world: World, mirrored: Path, name: str, make: Callable[[Path], None]) -> None:
    assert mirrored.is_dir()
    make(world.recipes / name)
    check_refused(world, ("install", "db"), 2, f"{world.recipes / name} cannot be read: it is a")


@pytest.mark.parametrize(
    "words", [("status",), ("verify",), ("install", "db"), ("history",), ("list",), ("rollback", "0")]
)
@pytest.mark.parametrize("file", ["manifest.json", "seal.json"])
def test_a_fifo_in_a_generation_is_never_waited_for(file: str, words: tuple[str, ...], two_apps: World) -> None:
    two_apps.ok("install", "db")
    fifo(two_apps.root.current / file)
    done = two_apps.run(*words)
    expected = 0 if file == "seal.json" or words[0] in ("history", "rollback") else 5
    assert (done.code, "Traceback" in done.err) == (expected, False), done.err


def test_a_fifo_in_place_of_a_cached_answer_is_never_waited_for(two_apps: World) -> None:
    two_apps.ok("install", "db")
    fifo(two_apps.root.state / "receipt")
    assert "nothing to do" in two_apps.ok("install", "db")
