"""A lock is held by one open file at a time, and waiting for it ends."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.errors import LockHeld
from hero_build.system import filelock

HELD = LockHeld("another hero-build holds it", "Wait.")


@pytest.fixture
def descriptors(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two open files of one lock."""
    opened = tuple(os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2))
    yield opened[0], opened[1]
    for descriptor in opened:
        os.close(descriptor)


def test_only_one_has_it(descriptors: tuple[int, int]) -> None:
    one, other = descriptors
    assert filelock.attempt(one)
    assert not filelock.attempt(other)
    with pytest.raises(LockHeld) as caught:
        filelock.acquire(other, 0, HELD)
    assert caught.value is HELD


def test_waiting_ends_when_it_is_released(descriptors: tuple[int, int]) -> None:
    one, other = descriptors
    filelock.acquire(one, 0, HELD)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            fcntl.flock(one, fcntl.LOCK_UN)

    filelock.acquire(other, 3600, HELD, pause=pause)
    assert len(pauses) == 3
    assert not filelock.attempt(one)


def test_an_error_of_the_pause_ends_the_wait(descriptors: tuple[int, int]) -> None:
    one, other = descriptors
    filelock.acquire(one, 0, HELD)

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filelock.acquire(other, 3600, HELD, pause=interrupted)


def test_whether_a_file_that_may_not_be_opened_is_locked(descriptors: tuple[int, int]) -> None:
    inode = os.fstat(descriptors[0]).st_ino
    assert not filelock.is_held(inode)
    assert filelock.attempt(descriptors[0])
    assert filelock.is_held(inode)
    fcntl.flock(descriptors[0], fcntl.LOCK_UN)
    assert not filelock.is_held(inode)
