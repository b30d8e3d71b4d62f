"""One line on a terminal while apps are resolved or services restart: overwritten, then erased, without rich."""

import time
from typing import TextIO

from hero_build.events import Event, Planning, Restarting
from hero_build.output.text import clean

_ERASE = "\r\x1b[2K"
_INTERVAL = 0.05  # seconds between two updates after the first ones: writing a thousand would take longer
_UNLIMITED = 32


class SpinnerView:
    """A View that shows the app being resolved, or how many."""

    def __init__(self, stream: TextIO, width: int) -> None:
        self._stream = stream
        self._room = width - 1
        self._count = 0
        self._last = 0.0

    def show(self, event: Event) -> None:
        if isinstance(event, Restarting):
            self._write(f"restarting {clean(event.service)} ...")
        if not isinstance(event, Planning):
            return
        self._count += 1
        now = time.monotonic()
        if self._count <= _UNLIMITED or now - self._last >= _INTERVAL:
            self._last = now
            subject = clean(event.app) if self._count == 1 else f"{self._count} apps"
            self._write(f"resolving {subject} ...")

    def _write(self, text: str) -> None:
        self._last = self._last or time.monotonic()
        self._stream.write(_ERASE + text[: self._room])
        self._stream.flush()

    def close(self) -> None:
        if self._last:
            self._last = 0.0
            self._stream.write(_ERASE)
            self._stream.flush()
