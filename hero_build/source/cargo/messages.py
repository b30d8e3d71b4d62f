"""What a running cargo tells: how far it is, in lines for people; what it has made, in JSON documents for programs."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_PROGRESS_BAR = re.compile(r"^\s*Building \[[^]]*\] (\d+)/(\d+)(?:: ([^,(\s]+))?")
_CRATE_LINE = re.compile(r"^\s+(?:Compiling|Checking|Building) (\S+) v\d")
_CRATE_DONE = ("compiler-artifact", "build-script-executed")

Progress = Callable[[int, int | None, str], None]
"""Crates done, crates in all (None: not known yet), and one that is under way."""
Message = Mapping[str, Any]
"""One of cargo's JSON documents (The Cargo Book, External tools)."""


class CargoMessages:
    """Counts, and hands documents on to `ended` (a crate is compiled) and `other`, which a subclass overrides."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._ended = 0
        self._state: tuple[int, int | None, str] = (0, None, "")

    def line(self, text: str) -> None:
        """stderr: the bar, and `Compiling NAME vVERSION`."""
        done, total, crate = self._state
        if bar := _PROGRESS_BAR.match(text.removeprefix("\x1b[K")):
            self._tell(max(done, int(bar[1])), int(bar[2]), bar[3] or crate)
        elif begun := _CRATE_LINE.match(text):
            self._tell(done, total, begun[1])

    def message(self, text: str) -> None:
        """stdout: one JSON document a line; whatever else a build prints is not."""
        try:
            told = json.loads(text)
            reason = told["reason"]
        except (ValueError, TypeError, KeyError):
            return
        if reason not in _CRATE_DONE:
            self.other(told)
            return
        self.ended(told)
        self._ended += 1
        done, total, crate = self._state
        self._tell(max(done, self._ended), total, crate)

    def ended(self, message: Message) -> None:
        """A `compiler-artifact` or `build-script-executed`."""

    def other(self, message: Message) -> None:
        """Any other document."""

    def _tell(self, done: int, total: int | None, crate: str) -> None:
        state = (done if total is None else min(done, total), total, crate)
        if state != self._state:
            self._state = state
            self._progress(*state)
