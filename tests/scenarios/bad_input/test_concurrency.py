"""Bad input: several hero-builds at one root at once."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from hero_build import manifest
from hero_build.install.layout import Root
from hero_build.install.recover import generation_numbers
from support import roots
from support.processes import LONG
from support.refusals import (
    INSTALL,
    STARTS,
    Refusal,
    Start,
    check_consistent,
    check_refused_run,
    prepare_root,
    program_output,
)
from support.worlds import REPO, World

APPS = tuple(f"app{number}" for number in range(8))


@pytest.fixture
def crowd(world: World) -> World:
    """Eight more apps, each with a release in a mirror."""
    for app in APPS:
        world.recipe(app)
        world.release(app, "v2")
    world.release("db", "v2", "db", "db_admin")
    return world


@contextmanager
def taken(root: Root) -> Iterator[None]:
    """Another process (this one) holds the lock."""
    root.state.mkdir(parents=True, exist_ok=True)
    with root.lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def at_once(world: World, commands: Sequence[Sequence[str]]) -> None:
    """Start all of them, then wait for all of them; each must end with 0."""
    environ = world.environ()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "hero_build", "--wait", "900", *words],
            env=environ,
            cwd=REPO,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in commands
    ]
    ended = [(child, *child.communicate(timeout=LONG)) for child in running]
    assert [child.returncode for child, _, _ in ended] == [0] * len(commands), [err for _, _, err in ended]


@pytest.mark.parametrize("count", [2, 8], ids=["two-at-once", "eight-at-once"])
@pytest.mark.parametrize("start", STARTS)
def test_different_apps(count: int, start: Start, crowd: World) -> None:
    """Everyone's app is there in the end, and each made one generation."""
    root = prepare_root(crowd, start).root
    before = manifest.load(root.path).number
    apps = APPS[:count]
    at_once(crowd, [["install", app, "--mode", "download"] for app in apps])
    assert generation_numbers(root)[-1] == manifest.load(root.path).number == before + count
    assert [program_output(root, app) for app in apps] == [f"{app} v2\n" for app in apps]
    assert program_output(root) == ("db v1\n" if start == "over-v1" else None)
    check_consistent(root)
    roots.settled(root)


@pytest.mark.parametrize("count", [2, 8], ids=["two-at-once", "eight-at-once"])
@pytest.mark.parametrize("start", STARTS)
def test_the_same_app(count: int, start: Start, crowd: World) -> None:
    """One generation: later runs find it installed already."""
    root = prepare_root(crowd, start).root
    before = manifest.load(root.path).number
    at_once(crowd, [INSTALL] * count)
    assert manifest.load(root.path).number == before + 1
    assert program_output(root) == "db v2\n"
    check_consistent(root)
    roots.settled(root)
    crowd.ok("verify")


def test_an_install_an_upgrade_an_uninstall_and_gc(crowd: World) -> None:
    """Whatever their order was, the root is consistent and everything ended well."""
    root = prepare_root(crowd, "over-v1").root
    for app in APPS[:3]:
        crowd.ok("install", app, "--mode", "download")
    changes = [INSTALL, ["install", APPS[4], "--mode", "download"], ["uninstall", APPS[0]], ["gc", "--keep", "3"]]
    at_once(crowd, changes)
    assert (program_output(root), program_output(root, APPS[0]), program_output(root, APPS[4])) == (
        "db v2\n",
        None,
        f"{APPS[4]} v2\n",
    )
    roots.settled(root)
    crowd.ok("verify")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("words", [("--wait", "0"), ("--wait", "0.2")], ids=["no-wait", "too-short-a-wait"])
def test_lock_held(words: tuple[str, ...], start: Start, crowd: World) -> None:
    root = prepare_root(crowd, start).root
    refusal = Refusal(
        7,
        kind="LockHeld",
        message=f"another hero-build is changing {root.path}",
        hint="Wait for it to end, or give --wait SECONDS.",
    )
    with taken(root):
        check_refused_run(crowd, refusal=refusal, start=start, words=(*INSTALL, *words))


@pytest.mark.parametrize("command", [("uninstall", "db"), ("rollback",), ("gc",)], ids=lambda words: words[0])
def test_lock_held_for(command: Sequence[str], crowd: World) -> None:
    root = prepare_root(crowd, "over-v1").root
    with taken(root):
        check_refused_run(
            crowd,
            refusal=Refusal(
                7,
                kind="LockHeld",
                message=f"another hero-build is changing {root.path}",
                hint="Wait for it to end, or …",
            ),
            start="over-v1",
            words=(*command, "--wait", "0"),
        )


def test_read_only_commands_do_not_wait(crowd: World) -> None:
    root = prepare_root(crowd, "over-v1").root
    with taken(root):
        for command in ("list", "status", "verify", "history"):
            crowd.ok(command, "--wait", "0")
