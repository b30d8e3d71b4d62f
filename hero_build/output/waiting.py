"""What a terminal shows before anything moves: one line that is overwritten and erased, without rich."""

import time
from typing import TextIO

from hero_build.events import Event, Planning
from hero_build.output.text import clean

_ERASE = "\r\x1b[2K"
_PACE = 0.05  # seconds between two of these lines: a thousand apps are looked up faster than anybody reads


class WaitingView:
    """A View that says which app is being looked up."""

    def __init__(self, stream: TextIO, width: int) -> None:
        self._stream = stream
        self._room = width - 1
        self._last = 0.0

    def show(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, Planning) and now - self._last >= _PACE:
            self._last = now
            self._stream.write(_ERASE + f"looking up {clean(event.app)} ..."[: self._room])
            self._stream.flush()

    def close(self) -> None:
        if self._last:
            self._last = 0.0
            self._stream.write(_ERASE)
            self._stream.flush()
