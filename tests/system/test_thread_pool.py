"""Pools wait for their threads at their end, and not after an interrupt."""

import threading
from concurrent.futures import Future
from contextlib import nullcontext

import pytest

from hero_build.system.process import Cancelled
from hero_build.system.thread_pool import ThreadPool
from support.processes import LONG


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, Cancelled])
def test_an_interrupt_waits_for_no_thread_and_starts_no_more(interrupt: type[BaseException]) -> None:
    started, end = threading.Event(), threading.Event()
    later: list[int] = []

    def wait() -> None:
        started.set()
        end.wait(LONG)

    def run() -> None:
        with ThreadPool(1) as pool:
            running.append(pool.submit(wait))
            pool.submit(later.append, 1)
            assert started.wait(LONG)
            raise interrupt

    running: list[Future[None]] = []
    with pytest.raises(interrupt):
        run()
    assert not running[0].done()
    end.set()
    running[0].result(LONG)
    assert later == []


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_end_and_an_error_wait_for_the_threads(error: type[Exception] | None) -> None:
    done: list[int] = []

    def run() -> None:
        with ThreadPool(1) as pool:
            pool.submit(done.append, 1)
            if error is not None:
                raise error

    with nullcontext() if error is None else pytest.raises(error):
        run()
    assert done == [1]
