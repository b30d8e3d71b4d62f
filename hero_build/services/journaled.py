"""The journal's entries of a command in a terminal: one operation for each app, as those of the server.

An operation is in the journal once the command changes something of its app, or when that failed. A command that is
refused, or that finds nothing to do, leaves the root as it was, the journal included.

The journal explains, and decides nothing: one that cannot be written fails no command.
"""

import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType

from hero_build.errors import HeroBuildError
from hero_build.events import Emit, Event, Restarting, ServiceStep
from hero_build.install.layout import Root
from hero_build.model.failure import Failure, failure
from hero_build.os_errors import machine_error
from hero_build.services import journal
from hero_build.services.journal import Argument, Operation

_LOOKS = ("check", "wait")
"""The steps of a service that change nothing."""


class JournaledCommand:
    """What one command does to each of its apps: recorded as it begins to change one (`watch`), and as it ends (`end`).

    `expected`: the apps that the command names; a failure that is of no app is that of all of them.
    """

    def __init__(self, root: Root, method: str, arguments: Mapping[str, Argument]) -> None:
        self._root = root
        self._method = method
        self._arguments = arguments
        self._began = journal.now()
        self._names: Mapping[str, str] = MappingProxyType({})
        self._expected: tuple[str, ...] = ()
        self._running: dict[str, Operation] = {}
        self._lock = threading.Lock()  # services start and stop in threads

    def expect(self, apps: Collection[str], names: Mapping[str, str] = MappingProxyType({})) -> None:
        """`names`: of the part of an app that is meant, where it is not all of it."""
        self._expected, self._names = tuple(apps), names

    def watch(self, emit: Emit) -> Emit:
        """An Emit that also records that an app is being changed, once a service of it is: until its end is recorded,
        the operation runs as long as this process does.
        """

        def watched(event: Event) -> None:
            if isinstance(event, ServiceStep | Restarting) and event.app and event.step not in _LOOKS:
                self._begin(event.app)
            emit(event)

        return watched

    def end(
        self,
        changed: Collection[str] = (),
        *,
        failed: Collection[Failure] = (),
        generations: tuple[int, int] | None = None,
    ) -> None:
        """Record the end of the started operations, of the apps that were `changed`, and of those that failed."""
        reasons = {item.app or "": item for item in reversed(tuple(failed))}
        everyone = self._expected if "" in reasons else ()
        apps = dict.fromkeys((*self._running, *changed, *filter(None, reasons), *everyone))
        ended: list[Operation] = []
        for app in apps:
            operation = self._running.pop(app, None) or self._new(app)
            ended.append(journal.ended(operation, reasons.get(app, reasons.get("")), generations))
        self._record(*ended)

    def fail(self, reason: Failure) -> None:
        """Record that all started operations have failed, or was interrupted."""
        ended = [journal.ended(operation, reason) for operation in self._running.values()]
        self._running.clear()
        self._record(*ended)

    def _begin(self, app: str) -> None:
        with self._lock:
            if app in self._running:
                return
            self._running[app] = self._new(app)
        self._record(self._running[app])

    def _new(self, app: str) -> Operation:
        queued = journal.new(app, self._method, {"name": self._names.get(app, app), **self._arguments})
        return journal.running(queued, os.getpid(), started=self._began)

    def _record(self, *operations: Operation) -> None:
        """Nothing where there is no root yet: a command that installs nothing creates none."""
        if operations and self._root.state.is_dir():
            with suppress(HeroBuildError):
                journal.record(self._root, *operations)


@contextmanager
def journaled(root: Root, method: str, **arguments: Argument) -> Iterator[JournaledCommand]:
    """Around a command: an error and an interrupt end the started operations, too."""
    command = JournaledCommand(root, method, arguments)
    try:
        yield command
    except HeroBuildError as error:
        command.fail(failure(error))
        raise
    except KeyboardInterrupt as interrupt:
        command.fail(_interrupted(interrupt))
        raise
    except Exception as error:
        if (refused := machine_error(error)) is not None:
            command.fail(failure(refused))
        raise


def _interrupted(interrupt: KeyboardInterrupt) -> Failure:
    import signal

    number: int = getattr(interrupt, "number", signal.SIGINT)
    return Failure("Interrupted", "the command was interrupted", "Run it again.", exit=128 + number)
