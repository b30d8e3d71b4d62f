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
    tail, left = b"", MAX_TAIL
    for path in _rotated(log):
        if left <= 0 or tail.count(b"\n") > lines:
            break
        older = _end_of(path, left)
        tail, left = older + tail, left - len(older)
    return tuple(_text(line) for line in tail.removesuffix(b"\n").split(b"\n")[-lines:]) if tail and lines > 0 else ()


def follow(log: Path, lines: int) -> Iterator[str]:
    """The last lines, then each one as it is written, over rotations; it waits for a file that is not there yet."""
    start = _size(log)
    yield from last_lines(log, lines)
    rest, file = b"", _open_at(log, start)
    try:
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


def _rotated(log: Path) -> Iterator[Path]:
    """The log and its older parts, the newest first."""
    if log.exists():
        yield log
    for number in count(1):
        older = log.with_name(f"{log.name}.{number}")
        if not older.exists():
            return
        yield older


def _end_of(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - limit, 0))
            return file.read(limit)
    except FileNotFoundError:  # rotated away since
        return b""


def _size(log: Path) -> int:
    """0 of one that is not there, or that was rotated away at this moment."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


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
