"""A unit's lines in the journal, as journalctl prints them in JSON (systemd.journal-fields(7))."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import accumulate

import msgspec
from msgspec import Struct

from hero_build.supervisors.log_files import MAX_TAIL
from hero_build.system.decoding import decode_json

_POLL = 0.3  # seconds
_TOO_LARGE = "(a line that the journal does not show: it is too large)"

_WRITTEN = "_TRANSPORT=stdout"
"""What the unit's own processes wrote; not what systemd wrote about it."""

Journalctl = Callable[..., list[str]]
"""Runs `journalctl --output=json WORDS…` on what a unit itself wrote, and returns its lines."""


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


def system_matches(unit: str) -> tuple[str, ...]:
    """What a unit of the system wrote: the journal takes its name from systemd, also if the process has ended."""
    return (f"_SYSTEMD_UNIT={unit}", _WRITTEN)


def user_matches(unit: str) -> tuple[str, ...]:
    """What a unit of this user's manager wrote.

    The journal looks its unit up by the process, so a line of one that ended at once has none; the identifier, which
    a unit of a service sets to its own name, is on every line.
    """
    own = f"_UID={os.geteuid()}"
    return (f"_SYSTEMD_USER_UNIT={unit}", own, _WRITTEN, "+", f"SYSLOG_IDENTIFIER={unit}", own, _WRITTEN)


def last_lines(journalctl: Journalctl, lines: int) -> tuple[str, ...]:
    """What the service itself wrote last, MAX_TAIL at most."""
    return _tail(_entries(journalctl(f"--lines={lines}"))) if lines > 0 else ()


def follow(journalctl: Journalctl, lines: int) -> Iterator[str]:
    """The last lines, then each new one: journalctl is asked again and again for what follows the last entry."""
    entries = _entries(journalctl(f"--lines={max(lines, 1)}"))
    cursor = entries[-1].cursor if entries else ""
    yield from _tail(entries[:lines])
    while True:
        after = (f"--after-cursor={cursor}",) if cursor else ()
        for entry in _entries(journalctl(*after)):
            cursor = entry.cursor
            yield entry.text
        time.sleep(_POLL)


def _tail(entries: list[JournalEntry]) -> tuple[str, ...]:
    sizes = accumulate(len(entry.text) for entry in reversed(entries))
    kept = sum(1 for size in sizes if size <= MAX_TAIL)
    return tuple(entry.text for entry in entries[len(entries) - kept :])


def _entries(lines: list[str]) -> list[JournalEntry]:
    return [decode_json(line, kind=JournalEntry) for line in lines if line.startswith("{")]
