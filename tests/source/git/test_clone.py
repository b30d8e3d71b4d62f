"""Clones that are cut short, and two hero-builds at once: what is at the checkout's place is whole, or is not there."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.errors import LockHeld, NetworkError, RepoNotFound
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import STATE_FOLDER, checkout
from hero_build.source.git.status import read_tree
from hero_build.system.process import Cancelled
from support import git_repos
from support.checkout_env import REPO, CheckoutEnv
from support.fault_server import FaultServer
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


def start(checkout_env: CheckoutEnv) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ENSURE, str(checkout_env.coderoot), checkout_env.access.forge]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def members(group: int) -> list[int]:
    stats = (path / "stat" for path in Path("/proc").iterdir() if path.name.isdigit())
    result = []
    for stat in stats:
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[2]) == group:
            result.append(int(stat.parent.name))
    return result


def beside(checkout_env: CheckoutEnv) -> list[str]:
    return sorted(path.name.partition(".clone-")[0] for path in (checkout_env.path.parent / STATE_FOLDER).iterdir())


def test_a_killed_clone_heals(checkout_env: CheckoutEnv, stuck: Path, gitconfig: Path) -> None:
    with start(checkout_env) as child:
        assert until(stuck.exists)
        child.kill()
        child.communicate()
    end(int(stuck.read_text()))
    assert not checkout_env.path.exists()
    assert beside(checkout_env) == ["app", "app.lock"]
    others = checkout_env.path.parent / STATE_FOLDER / "app2.clone-x" / "of another checkout"
    git_repos.write(others.parent, {others.name: "still being made"})
    gitconfig.write_text("")
    assert checkout_env.ensure() == read_tree(checkout_env.path)
    assert git_repos.files(checkout_env.path) == {"a.txt": b"one\n"}
    assert beside(checkout_env) == ["app.lock", "app2"]
    assert others.read_text() == "still being made"


def test_an_interrupted_clone_leaves_no_process_and_no_file(checkout_env: CheckoutEnv, stuck: Path) -> None:
    with start(checkout_env) as child:
        assert until(stuck.exists)
        group = members(int(stuck.read_text()))
        assert len(group) > 2
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
    assert out == "interrupted\n", err
    assert gone(group)
    assert not checkout_env.path.exists()
    assert beside(checkout_env) == ["app.lock"]


def test_a_clone_that_is_called_off_leaves_no_process_and_no_file(checkout_env: CheckoutEnv, stuck: Path) -> None:
    target = checkout(checkout_env.coderoot, REPO, checkout_env.access.forge)
    with pytest.raises(Cancelled):
        ensure(
            target,
            request=CheckoutRequest(),
            access=checkout_env.access,
            locks=checkout_env.locks,
            cancelled=stuck.exists,
        )
    assert gone(members(int(stuck.read_text())))
    assert beside(checkout_env) == ["app.lock"]


def test_a_real_git_does_not_trust_what_only_python_trusts(
    checkout_env: CheckoutEnv, encrypted: FaultServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its hint works: with that variable git gets an answer, which is that there is nothing to clone."""
    authority = f"{certificate}.crt"
    monkeypatch.setenv("SSL_CERT_FILE", authority)
    monkeypatch.delenv("GIT_SSL_CAINFO", raising=False)
    place = checkout(checkout_env.coderoot, REPO, encrypted.url)
    access = GitAccess(encrypted.url)

    def clone() -> None:
        ensure(place, request=CheckoutRequest(), access=access, locks=checkout_env.locks)

    with pytest.raises(NetworkError) as caught:
        clone()
    assert caught.value.hint == f"git does not read SSL_CERT_FILE: set GIT_SSL_CAINFO={authority}, too."
    monkeypatch.setenv("GIT_SSL_CAINFO", authority)
    with pytest.raises(RepoNotFound):
        clone()


def test_two_processes_at_once_make_one_clone(checkout_env: CheckoutEnv) -> None:
    with start(checkout_env) as one, start(checkout_env) as other:
        output = {one.communicate()[0], other.communicate()[0]}
    assert output == {read_tree(checkout_env.path).commit + "\n"}
    assert beside(checkout_env) == ["app.lock"]


def test_a_checkout_stays_locked_until_the_run_ends(checkout_env: CheckoutEnv) -> None:
    checkout_env.ensure()
    with Locks(0.01) as other:
        with pytest.raises(LockHeld, match="another hero-build is working in") as caught, other.hold(checkout_env.path):
            pass
        assert caught.value.code == 7
        assert "--wait" in caught.value.hint
        checkout_env.locks.close()
        with other.hold(checkout_env.path), pytest.raises(LockHeld):
            checkout_env.ensure()


def test_a_turn_within_a_turn_is_the_same_one(checkout_env: CheckoutEnv) -> None:
    with checkout_env.locks.hold(checkout_env.path), checkout_env.locks.hold(checkout_env.path):
        assert checkout_env.ensure() == read_tree(checkout_env.path)


def test_one_waits_for_the_other(checkout_env: CheckoutEnv) -> None:
    checkout_env.ensure()
    release = threading.Timer(0.2, checkout_env.locks.close)
    release.start()
    with Locks(60) as other, other.hold(checkout_env.path):
        assert release.finished.is_set() or not release.is_alive()
    release.join()
