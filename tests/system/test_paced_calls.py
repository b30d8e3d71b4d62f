"""Calls start one after the other while they end soon, and side by side where they wait for something."""

import threading
from functools import partial

import pytest

from hero_build.system.paced_calls import PacedCalls
from hero_build.system.thread_pool import ThreadPool
from support.processes import LONG


def test_the_results_are_in_the_order_of_the_calls() -> None:
    with ThreadPool(4) as pool:
        calls = PacedCalls(pool, [partial(pow, number, 2) for number in range(20)], 4)
        assert sorted(calls.as_completed()) == [number**2 for number in range(20)]
        assert calls.results() == [number**2 for number in range(20)]


def test_calls_that_wait_for_each_other_run_side_by_side_up_to_the_limit() -> None:
    together = threading.Barrier(4)
    with ThreadPool(4) as pool:
        calls = PacedCalls(pool, [partial(together.wait, LONG)] * 8, 4)
        assert sorted(calls.as_completed()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_no_more_run_at_once_than_the_limit() -> None:
    slots = threading.Semaphore(2)

    def call() -> bool:
        free = slots.acquire(blocking=False)
        threading.Event().wait(0.01)  # several times the pace
        slots.release()
        return free

    with ThreadPool(8) as pool:
        assert all(PacedCalls(pool, [call] * 8, 2).as_completed())


def test_the_first_can_be_started_before_the_rest() -> None:
    started = threading.Event()

    def first() -> bool:
        started.set()
        return True

    with ThreadPool(2) as pool:
        calls = PacedCalls(pool, [first, lambda: False], 2)
        calls.start()
        assert started.wait(LONG), "nobody has asked for results yet"
        assert sorted(calls.as_completed()) == [False, True]


def test_nothing_to_call() -> None:
    with ThreadPool(1) as pool:
        calls: PacedCalls[int] = PacedCalls(pool, [], 1)
        calls.start()
        assert (list(calls.as_completed()), calls.results()) == ([], [])


def test_what_a_call_raises_is_raised() -> None:
    with ThreadPool(2) as pool, pytest.raises(ZeroDivisionError):
        list(PacedCalls(pool, [partial(divmod, 1, 1), partial(divmod, 1, 0)], 2).as_completed())
