"""The journal's entries of a command in a terminal: one operation for each app, as those of the server.

The journal explains, and decides nothing: one that cannot be written fails no command.
"""

import os
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType

from hero_build.errors import HeroBuildError, machine_error
from hero_build.install.layout import Root
from hero_build.model.failure import Failure, failure
from hero_build.services import journal
from hero_build.services.journal import Argument, Operation


class JournaledCommand:
    """What one command does to each of its apps: recorded as it starts (`start`), and as it ends (`end`)."""

    def __init__(self, root: Root, method: str, arguments: Mapping[str, Argument]) -> None:
        self._root = root
        self._method = method
        self._arguments = arguments
        self._began = journal.now()
        self._open: dict[str, Operation] = {}

    def start(
        self, apps: Collection[str], *, names: Mapping[str, str] = MappingProxyType({}), record: bool = True
    ) -> None:
        """Record that these are being changed: until their end is recorded, they run as long as this process does.

        `names`: of the part of an app that is meant, where it is not all of it. `record`: False where only the end
        matters, since nothing is seen of the work before.
        """
        for app in apps:
            self._open[app] = self._new(app, names.get(app))
            if record:
                self._record(self._open[app])

    def end(
        self,
        apps: Collection[str] = (),
        *,
        failed: Collection[Failure] = (),
        generations: tuple[int, int] | None = None,
    ) -> None:
        """Record the end of what was started, and of `apps`. A failure without an app is that of all of them."""
        reasons = {item.app or "": item for item in reversed(tuple(failed))}
        for app in dict.fromkeys((*self._open, *apps)):
            operation = self._open.pop(app, None) or self._new(app)
            reason = reasons.get(app, reasons.get(""))
            self._record(journal.ended(operation, reason, generations))

    def fail(self, reason: Failure) -> None:
        """Record that all that was started has failed, or was interrupted."""
        while self._open:
            _, operation = self._open.popitem()
            self._record(journal.ended(operation, reason))

    def _new(self, app: str, name: str | None = None) -> Operation:
        queued = journal.new(app, self._method, {"name": name or app, **self._arguments})
        return journal.running(queued, os.getpid(), started=self._began)

    def _record(self, operation: Operation) -> None:
        """Nothing where there is no root yet: a command that installs nothing creates none."""
        if self._root.state.is_dir():
            with suppress(HeroBuildError):
                journal.record(self._root, operation)


@contextmanager
def journaled(root: Root, method: str, **arguments: Argument) -> Iterator[JournaledCommand]:
    """Around a command: an error and an interrupt end what it has started, too."""
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
    number: int = getattr(interrupt, "number", signal.SIGINT)
    return Failure("Interrupted", "the command was interrupted", "Run it again.", exit=128 + number)
