"""Clones that are cut short, and two hero-builds at once: what is at the checkout's place is whole, or is not there."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.errors import LockHeld
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import STATE_FOLDER, checkout
from hero_build.source.git.status import read_tree
from hero_build.system.process import Cancelled
from support import git_repos
from support.checkout_env import REPO, CheckoutEnv
from support.processes import gone, until

HERE = Path(__file__).parents[3]
ENSURE = f"""
import sys
from pathlib import Path
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import checkout
from hero_build.source.git.credentials import GitAccess
coderoot, forge = sys.argv[1:]
try:
    with Locks(60) as locks:
        place = checkout(Path(coderoot), {REPO!r}, forge)
        print(ensure(place, request=CheckoutRequest(), access=GitAccess(forge), locks=locks).commit)
except KeyboardInterrupt:
    print("interrupted")
"""
HOOK = """#!/bin/sh
ps -o pgid= -p $$ | tr -d ' ' >{folder}/group.new
mv {folder}/group.new {folder}/group
exec sleep 600
"""


@pytest.fixture
def stuck(tmp_path: Path, gitconfig: Path) -> Iterator[Path]:
    """Every clone hangs in its middle, with half of the work done; where the group of its processes is noted."""
    hook = tmp_path / "hook"
    hook.write_text(HOOK.format(folder=tmp_path))
    hook.chmod(0o755)
    gitconfig.write_text(f"[uploadpack]\n\tpackObjectsHook = {hook}\n")
    yield tmp_path / "group"
    if (tmp_path / "group").exists():
        end(int((tmp_path / "group").read_text()))


def end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def start(desk: CheckoutEnv) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ENSURE, str(desk.coderoot), desk.reach.forge]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def members(group: int) -> list[int]:
    stats = (path / "stat" for path in Path("/proc").iterdir() if path.name.isdigit())
    found = []
    for stat in stats:
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[2]) == group:
            found.append(int(stat.parent.name))
    return found


def beside(desk: CheckoutEnv) -> list[str]:
    return sorted(path.name.partition(".clone-")[0] for path in (desk.path.parent / STATE_FOLDER).iterdir())


def test_a_killed_clone_heals(desk: CheckoutEnv, stuck: Path, gitconfig: Path) -> None:
    with start(desk) as child:
        assert until(stuck.exists)
        child.kill()
        child.communicate()
    end(int(stuck.read_text()))
    assert not desk.path.exists()
    assert beside(desk) == ["app", "app.lock"]
    others = desk.path.parent / STATE_FOLDER / "app2.clone-x" / "of another checkout"
    git_repos.write(others.parent, {others.name: "still being made"})
    gitconfig.write_text("")
    assert desk.ensure() == read_tree(desk.path)
    assert git_repos.files(desk.path) == {"a.txt": b"one\n"}
    assert beside(desk) == ["app.lock", "app2"]
    assert others.read_text() == "still being made"


def test_an_interrupted_clone_leaves_no_process_and_no_file(desk: CheckoutEnv, stuck: Path) -> None:
    with start(desk) as child:
        assert until(stuck.exists)
        group = members(int(stuck.read_text()))
        assert len(group) > 2
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
    assert out == "interrupted\n", err
    assert gone(group)
    assert not desk.path.exists()
    assert beside(desk) == ["app.lock"]


def test_a_clone_that_is_called_off_leaves_no_process_and_no_file(desk: CheckoutEnv, stuck: Path) -> None:
    place = checkout(desk.coderoot, REPO, desk.reach.forge)
    with pytest.raises(Cancelled):
        ensure(place, request=CheckoutRequest(), access=desk.reach, locks=desk.locks, cancelled=stuck.exists)
    assert gone(members(int(stuck.read_text())))
    assert beside(desk) == ["app.lock"]


def test_two_processes_at_once_make_one_clone(desk: CheckoutEnv) -> None:
    with start(desk) as one, start(desk) as other:
        told = {one.communicate()[0], other.communicate()[0]}
    assert told == {read_tree(desk.path).commit + "\n"}
    assert beside(desk) == ["app.lock"]


def test_a_checkout_stays_locked_until_the_run_ends(desk: CheckoutEnv) -> None:
    desk.ensure()
    with Locks(0.01) as other:
        with pytest.raises(LockHeld, match="another hero-build is working in") as caught, other.turn(desk.path):
            pass
        assert caught.value.code == 7
        assert "--wait" in caught.value.hint
        desk.locks.close()
        with other.turn(desk.path), pytest.raises(LockHeld):
            desk.ensure()


def test_a_turn_within_a_turn_is_the_same_one(desk: CheckoutEnv) -> None:
    with desk.locks.turn(desk.path), desk.locks.turn(desk.path):
        assert desk.ensure() == read_tree(desk.path)


def test_one_waits_for_the_other(desk: CheckoutEnv) -> None:
    desk.ensure()
    release = threading.Timer(0.2, desk.locks.close)
    release.start()
    with Locks(60) as other, other.turn(desk.path):
        assert release.finished.is_set() or not release.is_alive()
    release.join()
