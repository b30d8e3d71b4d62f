"""What ends a build from outside: signals, a kill, another hero-build; and that the next run finds nothing amiss."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hero_build.install.layout import Root
from support import refusals, roots, source_builds, worlds
from support.processes import LONG, alive, gone, open_files, parent, until
from support.refusals import Refusal
from support.source_builds import PROGRAMS, SOURCE, Gate, checkout_path, program_output
from support.worlds import World

ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
TREE_HELD = Refusal(
    7,
    kind="LockHeld",
    message="another hero-build is working in …/o/app",
    hint="Wait until it ends, pass --wait SECONDS, or use another checkout: CODEROOT=DIR.",
)
STUCK = '#!/bin/sh\ncase " $* " in *" {word} "*) echo $$ >"$GATE/pid"; exec sleep 600;; esac\nexec {real} "$@"\n'


@pytest.fixture
def waiting(world: World) -> World:
    """An app whose build waits for the gate."""
    source_builds.add_app(world, files=source_builds.GATED_APP)
    return world


@contextmanager
def building(world: World, gate: Gate, *words: str, **env: str) -> Iterator["subprocess.Popen[str]"]:
    """hero-build, while cargo is at the gate."""
    with source_builds.start_command(world, *(words or SOURCE), **gate.environ, **env) as process:
        gate.reached()
        yield process


def family(pid: int) -> list[int]:
    """A process and those above it, up to the one that this test started."""
    app = [pid]
    while (above := parent(app[-1])) not in (0, 1, os.getpid()):
        app.append(above)
    return app


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_ends_cargo_and_all_that_it_started(number: signal.Signals, waiting: World, gate: Gate) -> None:
    with building(waiting, gate, *SOURCE, "--json") as process:
        pids = family(gate.reached())
        assert len(pids) >= 3, "the build script, cargo, hero-build"
        before = source_builds.user_state(checkout_path(waiting))
        process.send_signal(number)
        out, err = process.communicate(timeout=LONG)
    assert process.returncode == ENDS[number], err
    assert not [pid for pid in pids if alive(pid)], "they have ended before hero-build does"
    document = worlds.valid(json.loads(out), "error")["error"]
    assert (document["kind"], document["exit"]) == ("Interrupted", ENDS[number])
    assert "Traceback" not in err
    assert not (waiting.root.path / "bin").exists()
    assert source_builds.user_state(checkout_path(waiting)) == before
    healed(waiting, gate)


def healed(world: World, gate: Gate) -> None:
    """The next run does all that is to be done, and leaves nothing behind."""
    gate.open()
    done = world.run(*SOURCE, env=gate.environ)
    assert done.code == 0, done.err
    assert [program_output(world, name) for name in PROGRAMS] == ["app", "server"]
    refusals.check_consistent(world.root)
    roots.settled(world.root)


def test_whoever_presses_twice_leaves_no_cargo_either(waiting: World, gate: Gate) -> None:
    with building(waiting, gate) as process:
        pids = family(gate.reached())
        for _ in range(2):
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert gone(pids)
    healed(waiting, gate)


def test_a_kill_leaves_the_root_alone_and_the_next_run_heals(waiting: World, gate: Gate) -> None:
    with building(waiting, gate) as process:
        pids = family(gate.reached())
        process.kill()
        process.communicate(timeout=LONG)
    assert not (waiting.root.path / "bin").exists()
    healed(waiting, gate)
    assert gone(pids), "cargo ends when nobody hears it"


def test_a_kill_over_a_version_leaves_that_version(waiting: World, gate: Gate) -> None:
    waiting.release("app", "v1", *PROGRAMS)
    waiting.ok("install", "app")
    before = refusals.snapshot(waiting.root)
    with building(waiting, gate) as process:
        process.kill()
        process.communicate(timeout=LONG)
    assert refusals.snapshot(waiting.root) == before
    assert [program_output(waiting, name) for name in PROGRAMS] == ["app v1", "app_server v1"]
    healed(waiting, gate)


@pytest.fixture
def slow_clone(tmp_path: Path) -> dict[str, str]:
    """A git that begins to clone and comes to no end."""
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "git").write_text(STUCK.format(word="clone", real=shutil.which("git")))
    (folder / "git").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("number", [*ENDS, signal.SIGKILL])
def test_a_clone_that_is_ended(number: signal.Signals, waiting: World, gate: Gate, slow_clone: dict[str, str]) -> None:
    with source_builds.start_command(waiting, *SOURCE, **gate.environ, **slow_clone) as process:
        pid = gate.reached()
        process.send_signal(number)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == ENDS.get(number, -signal.SIGKILL), err
    assert not checkout_path(waiting).exists()
    if number == signal.SIGKILL:
        os.kill(pid, signal.SIGKILL)
    assert gone([pid])
    healed(waiting, gate)
    assert [path.name for path in (checkout_path(waiting).parent / ".hero-build").iterdir()] == ["app.lock"]


@pytest.mark.parametrize(("program", "word"), [("rustc", "-vV"), ("cargo", "metadata")])
def test_a_toolchain_that_takes_its_time_is_ended(
    program: str, word: str, waiting: World, gate: Gate, tmp_path: Path
) -> None:
    """rustup fetches one first where it is pinned and not there."""
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / program).write_text(STUCK.format(word=word, real=shutil.which(program)))
    (folder / program).chmod(0o755)
    slow = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    with source_builds.start_command(waiting, *SOURCE, **gate.environ, **slow) as process:
        pid = gate.reached()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == ENDS[signal.SIGINT], err
    assert gone([pid])
    healed(waiting, gate)


@pytest.mark.parametrize("place", ["same-root", "another-root"])
def test_two_at_one_checkout(place: str, waiting: World, gate: Gate, tmp_path: Path) -> None:
    """The second is refused, or waits; both of them leave their root in order."""
    root = waiting.root.path if place == "same-root" else tmp_path / "another"
    other = {"CODEROOT": str(waiting.root.path / "code0"), "HERO_ROOT": str(root), **gate.environ}
    with building(waiting, gate) as process:
        refusals.check_refusal(waiting.run(*SOURCE, "--wait", "0", env=other), TREE_HELD)
        with source_builds.start_command(waiting, *SOURCE, "--wait", "900", **other) as second:
            assert until(lambda: waits(second.pid))
            assert second.poll() is None
            gate.open()
            out, err = process.communicate(timeout=LONG)
            assert process.returncode == 0, err
            out, err = second.communicate(timeout=LONG)
    assert second.returncode == 0, err
    assert ("nothing to do" if place == "same-root" else "generation 1") in out
    for built in (waiting.root, Root(root)):
        roots.settled(built)


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_while_it_waits_for_a_checkout(number: signal.Signals, waiting: World, gate: Gate) -> None:
    """However long it would have waited."""
    with building(waiting, gate) as first:
        with source_builds.start_command(waiting, *SOURCE, "--wait", "3600", **gate.environ) as second:
            assert until(lambda: waits(second.pid))
            second.send_signal(number)
            _, err = second.communicate(timeout=LONG)
        assert second.returncode == ENDS[number], err
        assert first.poll() is None
        gate.open()
        first.communicate(timeout=LONG)
    assert first.returncode == 0


def waits(pid: int) -> bool:
    """Whether it has opened the lock of the checkout, which another one holds."""
    return any(path.endswith("app.lock") for path in open_files(pid))


def test_a_dry_run_needs_no_turn(waiting: World, gate: Gate) -> None:
    with building(waiting, gate) as process:
        assert "to build" in waiting.ok(*SOURCE, "-n")
        gate.open()
        process.communicate(timeout=LONG)
    assert process.returncode == 0
