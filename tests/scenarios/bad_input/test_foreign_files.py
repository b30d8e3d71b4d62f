"""Bad input: something foreign where a program belongs, and programs that run while they are replaced."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hero_build.install.recover import generation_numbers
from support import mirrors, roots
from support.refusals import INSTALL, check_consistent, prepare_root, program_output
from support.worlds import World

FOREIGN = "#!/bin/sh\necho mine\n"


pytestmark = pytest.mark.usefixtures("versions")


# something foreign at bin/db


def a_file(place: Path) -> None:
    place.write_text(FOREIGN)
    place.chmod(0o751)


def a_folder(place: Path) -> None:
    (place / "deep").mkdir(parents=True)
    (place / "deep" / "note").write_text("mine")


def a_link(place: Path) -> None:
    (place.parent / "elsewhere").write_text(FOREIGN)
    place.symlink_to("elsewhere")


def a_dangling_link(place: Path) -> None:
    place.symlink_to("/nowhere/at/all")


def our_link_of_another_name(place: Path) -> None:
    place.symlink_to("../var/hero_build/current/bin/other")


THINGS = (a_file, a_folder, a_link, a_dangling_link, our_link_of_another_name)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
def test_foreign_at_the_place_of_a_program(thing: Callable[[Path], None], world: World) -> None:
    """An install that fails leaves it alone; one that succeeds keeps it; uninstall gives it back as it was."""
    root = prepare_root(world, "empty-root").root
    root.place("bin").mkdir()
    thing(root.place("bin/db"))
    before = roots.tree(root.place("bin"))
    assert world.run(*INSTALL, "--version", "v3").code == 5
    assert roots.tree(root.place("bin")) == before
    world.ok(*INSTALL)
    assert program_output(root) == "db v2\n"
    assert roots.check(root).adopted
    world.ok("uninstall", "db")
    assert roots.tree(root.place("bin")) == before
    roots.settled(root)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
def test_foreign_in_place_of_our_link(thing: Callable[[Path], None], world: World) -> None:
    """Another tool replaced the link: seen, healed by the next install, and what it put there is kept."""
    root = prepare_root(world, "over-v1").root
    root.place("bin/db").unlink()
    thing(root.place("bin/db"))
    before = roots.tree(root.place("bin"))
    done = world.run("verify")
    assert done.code == 5
    assert "bin/db was replaced by something else" in done.out
    assert "bin/db was replaced by something else" in world.ok("explain", "db", "--version", "v1", "--mode", "download")
    world.ok(*INSTALL, "--version", "v1")
    assert program_output(root) == "db v1\n"
    world.ok("verify")
    world.ok("uninstall", "db")
    left = {name: state for name, state in before.items() if name != "db_admin"}
    assert roots.tree(root.place("bin")) == left


# a program that runs


@contextmanager
def running(path: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([path, "wait"], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout
            assert child.stdout.readline()
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("command", [INSTALL, ("uninstall", "db")], ids=["upgrade", "uninstall"])
def test_a_program_that_runs_while_it_is_replaced(command: tuple[str, ...], world: World) -> None:
    """It runs on, from the content it was started from, which gc keeps for as long."""
    root = prepare_root(world, "over-v1").root
    with running(root.place("bin/db")) as child:
        exe = Path(f"/proc/{child.pid}/exe")
        world.ok(*command)
        assert child.poll() is None
        assert program_output(root) == ("db v2\n" if command == INSTALL else None)
        world.ok("gc", "--keep", "1")
        assert exe.read_bytes() == mirrors.programs("v1", "db")[mirrors.asset("db")]
        assert 1 in generation_numbers(root)
        check_consistent(root)
    world.ok("gc", "--keep", "1")
    assert generation_numbers(root) == (2,)
