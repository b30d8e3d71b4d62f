"""A unit's lines in the journal, as journalctl prints them in JSON (systemd.journal-fields(7))."""

import time
from collections.abc import Callable, Iterator
from itertools import accumulate

import msgspec
from msgspec import Struct

from hero_build.supervisors.log_files import MAX_TAIL
from hero_build.system.decoding import decode_json

_POLL = 0.3  # seconds
_TOO_LARGE = "(a line that the journal does not show: it is too large)"

Journalctl = Callable[..., list[str]]
"""Runs `journalctl --unit=… --output=json WORDS…` and returns its lines."""


class JournalEntry(Struct, frozen=True):
    """One line. MESSAGE is an array of bytes if it is not UTF-8, and null if it is too large."""

    cursor: str = msgspec.field(name="__CURSOR")
    message: str | list[int] | None = msgspec.field(name="MESSAGE", default=None)
    transport: str = msgspec.field(name="_TRANSPORT", default="")

    @property
    def text(self) -> str:
        match self.message:
            case None:
                return _TOO_LARGE
            case str(text):
                return text
            case raw:
                return bytes(raw).decode(errors="replace")


def last_lines(journalctl: Journalctl, lines: int) -> tuple[str, ...]:
    """What the service itself wrote last, MAX_TAIL at most; not what systemd wrote about it."""
    if lines <= 0:
        return ()
    entries = _entries(journalctl(f"--lines={lines}", "_TRANSPORT=stdout"))
    sizes = accumulate(len(entry.text) for entry in reversed(entries))
    kept = sum(1 for size in sizes if size <= MAX_TAIL)
    return tuple(entry.text for entry in entries[len(entries) - kept :])


def follow(journalctl: Journalctl, lines: int) -> Iterator[str]:
    """The last lines, then each new one: journalctl is asked again and again for what follows the last entry."""
    start = _entries(journalctl("--lines=1"))
    cursor = start[-1].cursor if start else ""
    yield from last_lines(journalctl, lines)
    while True:
        after = (f"--after-cursor={cursor}",) if cursor else ()
        for entry in _entries(journalctl(*after, "_TRANSPORT=stdout")):
            cursor = entry.cursor
            yield entry.text
        time.sleep(_POLL)


def _entries(lines: list[str]) -> list[JournalEntry]:
    return [decode_json(line, kind=JournalEntry) for line in lines if line.startswith("{")]
