"""The Emit of a command: passes events to a live view or to plain lines, and collects warnings, each once."""

from contextlib import suppress
from threading import Lock
from typing import Protocol, TextIO

from hero_build.events import Event, Planning, Restarting, ServiceDone, ServiceStep, WarningRaised
from hero_build.output.phrases import message_lines
from hero_build.output.terminal import Terminal


class View(Protocol):
    def show(self, event: Event) -> None:
        """Show an event; called by one thread at a time."""

    def close(self) -> None:
        """Erase the view from the terminal."""


class Reporter:
    """An Emit that writes to `stream`, from any thread. It ignores a closed stream, so that the work continues."""

    def __init__(self, stream: TextIO, terminal: Terminal, *, quiet: bool) -> None:
        self._stream = stream
        self._terminal = terminal
        self._quiet = quiet
        self._lock = Lock()
        self._view: View | None = None
        self._live = False
        self._services = False
        self._ended = False
        self._printed: dict[WarningRaised, bool] = {}  # each warning, and whether it is on the stream

    @property
    def warnings(self) -> tuple[WarningRaised, ...]:
        return tuple(self._printed)

    def __call__(self, event: Event) -> None:
        with self._lock, suppress(OSError, ValueError):
            if isinstance(event, WarningRaised):
                self._printed.setdefault(event, False)
                if not self._live:
                    self._close_view()
                    self._print_warnings()
            elif not (self._quiet or self._ended):
                self._show(event)

    def close(self) -> None:
        """End the live view and print the warnings that waited for that. Later events show nothing: after an interrupt,
        threads that still wait for a server may report some.
        """
        with self._lock, suppress(OSError, ValueError):
            self._ended = True
            self._close_view()
            self._view, self._live = None, False
            self._print_warnings()

    def _close_view(self) -> None:
        if self._view is not None:
            self._view.close()

    def _show(self, event: Event) -> None:
        """A pipe gets plain lines; a terminal a spinner while apps are resolved, then the live view.

        Services have a view of their own.
        """
        if isinstance(event, ServiceStep | ServiceDone) and not self._services:
            from hero_build.output.service_view import ServiceView

            self._close_view()
            self._view, self._live, self._services = ServiceView(self._stream, self._terminal), False, True
        if isinstance(event, Restarting) and self._live:  # all parts are done; a restart needs one line
            self._close_view()
            self._view, self._live = None, False
        calm = Planning | Restarting | ServiceStep | ServiceDone
        if self._terminal.width is not None and not self._live and not isinstance(event, calm):
            from hero_build.output.live import LiveView  # rich, only on a terminal and for work in progress

            self._close_view()
            self._view, self._live = LiveView(self._stream, colour=self._terminal.colour), True
        if self._view is None:
            self._view = self._first_view()
        self._view.show(event)

    def _first_view(self) -> View:
        if self._terminal.width is None:
            from hero_build.output.plain import PlainView

            return PlainView(self._write, verbose=self._terminal.verbose > 0)
        from hero_build.output.spinner import SpinnerView

        return SpinnerView(self._stream, self._terminal.width)

    def _print_warnings(self) -> None:
        for warning, printed in self._printed.items():
            if not (printed or self._quiet):
                self._printed[warning] = True
                for line in message_lines("warning", text=warning.text, hint=warning.hint, terminal=self._terminal):
                    self._write(line)

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
