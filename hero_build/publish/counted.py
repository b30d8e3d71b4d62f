"""Progress of one file that can be taken back: what is told of an attempt that failed was not done."""

from collections.abc import Iterator
from contextlib import contextmanager

from hero_build.forge.partial import Progress


@contextmanager
def taken_back(progress: Progress) -> Iterator[Progress]:
    """A Progress for one attempt; when that raises, all it has told is told again with a minus."""
    told = 0

    def count(size: int) -> None:
        nonlocal told
        told += size
        progress(size)

    try:
        yield count
    except BaseException:
        if told:
            progress(-told)
        raise
