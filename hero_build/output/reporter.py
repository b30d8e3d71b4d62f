"""The Emit of a command: hands events to a live view or to plain lines, and keeps the warnings, each once."""

from contextlib import suppress
from threading import Lock
from typing import Protocol, TextIO

from hero_build.events import Event, Planning, Restarting, WarningRaised
from hero_build.output.phrases import note
from hero_build.output.terminal import Terminal


class View(Protocol):
    def show(self, event: Event) -> None:
        """Take note of an event; called by one thread at a time."""

    def close(self) -> None:
        """Leave the terminal as if nothing had been there."""


class Reporter:
    """An Emit over `stream`. Any thread may call it; a stream that is gone is no reason to stop the work."""

    def __init__(self, stream: TextIO, terminal: Terminal, *, quiet: bool) -> None:
        self._stream = stream
        self._paper = terminal
        self._quiet = quiet
        self._lock = Lock()
        self._view: View | None = None
        self._live = False
        self._warned: dict[WarningRaised, bool] = {}  # and whether it was printed

    @property
    def warnings(self) -> tuple[WarningRaised, ...]:
        return tuple(self._warned)

    def __call__(self, event: Event) -> None:
        with self._lock, suppress(OSError, ValueError):
            if isinstance(event, WarningRaised):
                self._warned.setdefault(event, False)
                if not self._live:
                    self._make_room()
                    self._print_warnings()
            elif not self._quiet:
                self._watch(event)

    def close(self) -> None:
        """End the live view, and print the warnings that waited for its end. What comes later is shown no more."""
        with self._lock, suppress(OSError, ValueError):
            self._make_room()
            self._view, self._live = None, False
            self._print_warnings()

    def _make_room(self) -> None:
        if self._view is not None:
            self._view.close()

    def _watch(self, event: Event) -> None:
        """A pipe gets plain lines; a terminal a line that waits while apps are looked up, and then the live view."""
        if isinstance(event, Restarting) and self._live:  # the parts are done: what follows has one line
            self._make_room()
            self._view, self._live = None, False
        if self._paper.width is not None and not self._live and not isinstance(event, Planning | Restarting):
            from hero_build.output.live import LiveView  # rich, only where there is a terminal and something moves

            self._make_room()
            self._view, self._live = LiveView(self._stream, colour=self._paper.colour), True
        if self._view is None:
            self._view = self._first()
        self._view.show(event)

    def _first(self) -> View:
        if self._paper.width is None:
            from hero_build.output.plain import PlainView

            return PlainView(self._write, verbose=self._paper.verbose > 0)
        from hero_build.output.spinner import SpinnerView

        return SpinnerView(self._stream, self._paper.width)

    def _print_warnings(self) -> None:
        for warning, printed in self._warned.items():
            if not (printed or self._quiet):
                self._warned[warning] = True
                for line in note("warning", text=warning.text, hint=warning.hint, terminal=self._paper):
                    self._write(line)

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
