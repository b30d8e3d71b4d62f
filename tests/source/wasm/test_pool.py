"""Cores are for all who are busy, and what is done is finished while others are still at it."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from hero_build.source.wasm import pool
from hero_build.source.wasm.types import Backend, BuildWatch, BuiltBundle, FailedBundle
from hero_build.system.process import Cancelled
from support import island_workspace
from support.processes import LONG
from support.spies import stand_in

pytestmark = pytest.mark.timeout(1800)


def test_a_single_thread_may_use_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(6))
    with pool.pool(lambda: False) as workers:
        both = threading.Barrier(3)

        def work() -> None:
            with workers.busy():
                both.wait(LONG)  # both are busy
                both.wait(LONG)  # and have been counted

        assert workers.share() == 6
        with workers.busy():
            assert workers.share() == 6
        others = [workers.executor.submit(work) for _ in range(2)]
        both.wait(LONG)
        assert workers.share() == 3
        with workers.busy():
            assert workers.share() == 2
        both.wait(LONG)
        for other in others:
            other.result(LONG)
        assert workers.share() == 6


def test_there_is_always_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(1))
    with pool.pool(lambda: False) as workers, workers.busy():
        workers.running.add(0)
        assert workers.share() == 1


def test_an_interrupt_waits_until_unfinished_files_are_deleted() -> None:
    """Deleting takes a moment on a busy machine, and the process ends after the pool without waiting for threads."""
    writing, deleted, never = threading.Event(), threading.Event(), threading.Event()

    def work(workers: pool.Pool) -> None:
        with workers.busy():
            writing.set()
            while not workers.cancelled():
                never.wait(0.01)
            never.wait(0.3)
            deleted.set()

    def interrupted() -> None:
        with pool.pool(lambda: False) as workers:
            workers.executor.submit(work, workers)
            assert writing.wait(LONG)
            raise Cancelled

    with pytest.raises(Cancelled):
        interrupted()
    assert deleted.is_set()


@pytest.mark.parametrize("cores", [1, 3])
def test_wasm_opt_gets_its_share_of_cores(cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And makes the same with each number."""
    site = island_workspace.site(tmp_path, "greeter")
    whole = site.files(tmp_path / "whole")
    monkeypatch.setattr(pool, "cores", lambda: cores)
    notes = tmp_path / "notes"
    real = shutil.which("wasm-opt")
    stand_in(
        tmp_path / "path",
        name="wasm-opt",
        script=f'echo "$BINARYEN_CORES" >>{notes}\nexec {real} "$@"',
        monkeypatch=monkeypatch,
    )
    assert site.fresh(tmp_path / "other").files(tmp_path / "out") == whole
    assert notes.read_text().split()[-1] == str(cores)


@pytest.mark.parametrize("backend", ["direct", "wasm-pack"])
def test_each_built_bundle_is_reported(backend: Backend, tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "clock", "greeter", "notes")
    site.edit("islands/notes/src/lib.rs", "u32 {", "u32 { notes_is_broken();")
    finished: list[BuiltBundle] = []
    watch = BuildWatch(finished=finished.append)
    bundles = site.build(tmp_path / "out", backend=backend, watch=watch)
    assert {name for name, result in bundles.items() if isinstance(result, FailedBundle)} == {"island_notes"}
    assert {item.name: item for item in finished} == {n: r for n, r in bundles.items() if isinstance(r, BuiltBundle)}
