"""`fleet converge`: the machine's lock file is fetched once, and checked before it is there."""

import hashlib
from pathlib import Path

import pytest

from support.static_server import StaticServer
from support.worlds import World, valid

LOCK = "cfg/set.lock"


@pytest.fixture
def place(two_apps: World) -> Path:
    """A mirror with both.lock, which pins db v1 and web."""
    two_apps.ok("lock", "db@v1", "web", "-o", str(two_apps.mirror / "both.lock"))
    return two_apps.mirror


def converge(world: World, place: str, *words: str, code: int = 0) -> str:
    done = world.run("fleet", "converge", "both", "--at", place, *words)
    assert done.code == code, done.err
    return done.err


def versions(world: World) -> dict[str, str]:
    return {app["name"]: app["version"] for app in world.run("list", "--json").document["apps"] if app["version"]}


def test_the_first_lock_file_is_that_of_the_place(two_apps: World, place: Path, mirror_server: StaticServer) -> None:
    digest = hashlib.sha256((place / "both.lock").read_bytes()).hexdigest()
    valid(two_apps.run("fleet", "converge", "@both", "--at", mirror_server.url, "--digest", digest, "--json").document)
    assert versions(two_apps) == {"db": "v1", "web": "v1"}
    assert (two_apps.root.path / LOCK).read_bytes() == (place / "both.lock").read_bytes()
    requests = len(mirror_server.paths)
    converge(two_apps, mirror_server.url, "--digest", digest)
    assert len(mirror_server.paths) == requests


def test_a_lock_file_that_is_there_stays_and_counts(two_apps: World, place: Path) -> None:
    converge(two_apps, str(place))
    two_apps.ok("lock", "db@v2", "-o", str(two_apps.root.path / LOCK))
    (place / "both.lock").unlink()
    converge(two_apps, str(place), "--digest", "0" * 64)
    assert versions(two_apps) == {"db": "v2"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--digest", "0" * 64), 5, "and --digest is 000"),
        (("--trust", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"), 3, "has no both.lock.minisig"),
    ],
)
def test_one_that_nothing_vouches_for_is_not_kept(
    two_apps: World, place: Path, words: tuple[str, str], code: int, message: str
) -> None:
    assert message in converge(two_apps, str(place), *words, code=code)
    assert list((two_apps.root.path / "cfg").iterdir()) == []
    converge(two_apps, str(place))


@pytest.mark.parametrize(
    ("words", "code", "lines"),
    [
        (("--digest", "abc"), 2, "error: --digest is 'abc'\n  hint: It takes the output of `sha256sum both.lock`."),
        (("--digest", "0" * 64), 5, "error: both.lock has the sha256 "),
    ],
)
def test_errors_name_the_lock_file_of_the_place(
    two_apps: World, place: Path, words: tuple[str, str], code: int, lines: str
) -> None:
    error = converge(two_apps, str(place), *words, code=code)
    assert lines in error
    assert ".set-" not in error, "not the file that it was fetched to"


def test_a_place_that_is_not_there_and_a_machines_lock_file_that_is_none(two_apps: World, place: Path) -> None:
    error = converge(two_apps, f"{place}r", code=4)
    assert f"error: the folder {place}r does not exist\n  hint: Is its disk mounted? --at names the folder." in error
    error = converge(two_apps, "http://127.0.0.1:9/x", "--digest", "0" * 64, code=4)
    assert "hint: Check the network, and --at, http://127.0.0.1:9/x" in error
    (lock := two_apps.root.path / LOCK).parent.mkdir(exist_ok=True)
    lock.write_text("no lock file")
    error = converge(two_apps, str(place), code=2)
    assert f"error: {lock} is not a lock file" in error
    assert f"delete it, and the one of {place} is fetched again." in error
    lock.unlink()
    converge(two_apps, str(place))


def test_an_app_without_a_recipe_here_is_named_with_the_lock_file(two_apps: World, place: Path) -> None:
    (two_apps.recipes / "web.py").unlink()
    error = converge(two_apps, str(place), code=3)
    assert f"error: {two_apps.root.path / LOCK} pins web, and this hero-build has no recipe of it" in error
    assert "HERO_RECIPES" in error
    assert "a pack of web" in error
    assert not two_apps.root.place("bin/db").exists(), "nothing of it was installed"


def test_a_place_without_one_is_named(two_apps: World) -> None:
    error = converge(two_apps, str(two_apps.mirror), code=3)
    assert "has no both.lock" in error
    assert "hero-build lock @both -o both.lock" in error


def test_the_lock_file_of_a_pack_is_read_by_that_pack(two_apps: World, tmp_path: Path) -> None:
    """It itself: tests/scenarios/machines."""
    pack = tmp_path / "tester.pyz"
    pack.write_bytes(b"#!/bin/sh\n")
    error = converge(two_apps, str(pack), code=2)
    assert f"the lock file of {pack} is read by that pack alone" in error


@pytest.mark.parametrize("name", ["", "a/b", "..", "x\ny", "-x"])
def test_what_is_no_name_of_a_set(two_apps: World, place: Path, name: str) -> None:
    done = two_apps.run("fleet", "converge", "--at", str(place), "--", name)
    assert (done.code, "a machine cannot have the set" in done.err) == (2, True), done.err
    assert not two_apps.root.path.exists()
