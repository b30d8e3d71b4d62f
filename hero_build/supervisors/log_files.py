"""Reading a service's log file while it grows and is rotated: `x.log`, before it `x.log.1`, `x.log.2`, …"""

import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

MAX_TAIL = 4 << 20
"""Bytes that are read from the end of a log: more lines than that are not returned, and a longer line is cut."""
LOG_BYTES, LOG_BACKUPS = 10 << 20, 3
"""A log that is larger is rotated; so many older parts of it are kept."""
_CHUNK = 1 << 16
_POLL = 0.2  # seconds


def last_lines(log: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a log and of those rotated before it; none without a file."""
    file = _open_at(log, 0)
    try:
        whole, rest = _tail(log, file, lines)
        shown = (*whole, _text(rest)) if rest else whole
        return shown[-lines:] if lines > 0 else ()
    finally:
        if file is not None:
            file.close()


def follow(log: Path, lines: int) -> Iterator[str]:
    """The last lines, then each one as it is written, over rotations; it waits for a file that is not there yet.

    Both are read from one open file, the second from where the first ends, so that no line comes twice.
    """
    file = _open_at(log, 0)
    try:
        shown, rest = _tail(log, file, lines)
        yield from shown
        while True:
            chunk = file.read(_CHUNK) if file else b""
            if not chunk:
                if file is None or not _is_current(file, log):
                    if file is not None:
                        rest += file.read()  # what was written before the rotation
                        file.close()
                    file = _open_at(log, 0)
                    if file is not None:
                        continue
                time.sleep(_POLL)
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (_text(line) for line in whole)
            if len(rest) > MAX_TAIL:
                yield _text(rest)
                rest = b""
    finally:
        if file is not None:
            file.close()


def rotate_in_place(log: Path) -> bool:
    """Rotate a log that has grown while its service has it open (with O_APPEND): copy its end, then truncate it.

    What is written between the two is lost. Nothing happens where the copy fails, as on a full disk: the log stays.
    Returns whether it was rotated.
    """
    try:
        if log.stat().st_size <= LOG_BYTES:
            return False
        fresh = log.with_name(f"{log.name}.new")
        try:
            _copy_end(log, fresh)
        except OSError:
            fresh.unlink(missing_ok=True)
            return False
        for number in range(LOG_BACKUPS, 1, -1):
            older = log.with_name(f"{log.name}.{number - 1}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
        fresh.replace(log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
    except OSError:  # deleted or rotated by its service's start since
        return False
    return True


def _copy_end(log: Path, fresh: Path) -> None:
    """The last LOG_BYTES, from the start of a line, and what is written meanwhile."""
    fresh.unlink(missing_ok=True)  # of a rotation that was killed
    with log.open("rb") as source, fresh.open("xb") as out:
        os.fchmod(out.fileno(), os.fstat(source.fileno()).st_mode & 0o777)
        source.seek(-LOG_BYTES, os.SEEK_END)
        chunk = source.read(_CHUNK)
        out.write(chunk.partition(b"\n")[2] or chunk)
        left = 2 * LOG_BYTES  # a service that writes faster than this reads does not fill the disk
        while left > 0 and (chunk := source.read(_CHUNK)):
            left -= out.write(chunk)


def _tail(log: Path, file: BinaryIO | None, lines: int) -> tuple[tuple[str, ...], bytes]:
    """The last whole lines of an open log and of those rotated before it, and what it has of the next one; the file is
    left at their end.
    """
    tail = _end_of(file, MAX_TAIL) if file is not None else b""
    for older in _rotated(log, file):
        with older:
            if len(tail) >= MAX_TAIL or tail.count(b"\n") > lines:
                break
            tail = _end_of(older, MAX_TAIL - len(tail)) + tail
    *whole, rest = tail.split(b"\n")
    return tuple(_text(line) for line in whole[-lines:]) if lines > 0 else (), rest


def _rotated(log: Path, current: BinaryIO | None) -> Iterator[BinaryIO]:
    """The older parts of a log, the newest first, without the open one, which may have been rotated since."""
    for number in count(1):
        older = _open_at(log.with_name(f"{log.name}.{number}"), 0)
        if older is None:
            return
        if current is not None and os.path.sameopenfile(older.fileno(), current.fileno()):
            older.close()
        else:
            yield older


def _end_of(file: BinaryIO, limit: int) -> bytes:
    file.seek(max(file.seek(0, os.SEEK_END) - limit, 0))
    return file.read(limit)


def _open_at(log: Path, position: int) -> BinaryIO | None:
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return None
    file.seek(position)
    return file


def _is_current(file: BinaryIO, log: Path) -> bool:
    """Whether `log` is still this file, and was not truncated."""
    try:
        there, here = log.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return there.st_ino == here.st_ino and there.st_dev == here.st_dev and here.st_size >= file.tell()


def _text(line: bytes) -> str:
    return line.decode(errors="replace").removesuffix("\r")
