"""Services as they start and stop: one line each once it is known how it ended.

    hero_db_server   ✓ healthy, 0.4 s
    hero_db_admin    ✓ already healthy
    hero_code_server ✗ did not come up: it exited with code 3 after 0.1 s

On a terminal a last line, which is erased at the end, names those that are still on their way.
"""

from typing import TextIO

from hero_build.events import Event, ServiceDone, ServiceStep
from hero_build.output.terminal import Terminal
from hero_build.output.text import clean, width

_ERASE = "\r\x1b[2K"
_NAME = 24
_VERBS = {
    "check": "checking",
    "prepare": "preparing",
    "start": "starting",
    "health": "waiting for",
    "reset": "resetting",
    "stop": "stopping",
    "wait": "waiting for another command at",
}


class ServiceView:
    """A View of starts and stops, for a terminal and for a pipe."""

    def __init__(self, stream: TextIO, terminal: Terminal) -> None:
        self._stream = stream
        self._terminal = terminal
        self._active: dict[str, str] = {}
        self._limits: dict[str, float] = {}
        self._drawn = False

    def show(self, event: Event) -> None:
        match event:
            case ServiceStep(service, step, _, limit):
                self._active[service], self._limits[service] = _VERBS[step], limit
            case ServiceDone(service, ok, text):
                self._active.pop(service, None)
                self._erase()
                self._stream.write(self._line(service, text, ok=ok) + "\n")
            case _:
                return
        self._draw()
        self._stream.flush()

    def close(self) -> None:
        self._active.clear()
        self._erase()
        self._stream.flush()

    def _line(self, service: str, text: str, *, ok: bool) -> str:
        name = clean(service)
        mark = self._terminal.ink("✓", "green") if ok else self._terminal.ink("✗", "red")
        return f"{name}{' ' * max(_NAME - width(name), 1)}{mark} {clean(text)}"

    def _draw(self) -> None:
        if self._terminal.width is None:
            return
        self._erase()
        if self._active:
            self._stream.write(self._waiting()[: self._terminal.width - 1])
            self._drawn = True

    def _waiting(self) -> str:
        names = list(self._active)
        verb = self._active[names[0]] if len(set(self._active.values())) == 1 else "working on"
        limit = max(self._limits[name] for name in names)
        most = f", at most {limit:g} s" if limit else ""
        return f"{verb} {', '.join(map(clean, names))}{most} ..."

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(_ERASE)
            self._drawn = False
