"""What a handler works with, and how it ends where a report has failures."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from hero_build.context import Context, open_context
from hero_build.events import Emit, silent
from hero_build.install.layout import Root
from hero_build.model.failure import Failure
from hero_build.services.journal import Operation
from hero_build.settings import Settings


class Call(Struct, frozen=True):
    """The settings of the server, and where a call reports its progress."""

    settings: Settings
    emit: Emit = silent
    started: float = 0.0
    """When the server started, in seconds of time.time()."""
    operations: Callable[[], tuple[Operation, ...]] = tuple
    """What the server runs or queues now."""

    @property
    def root(self) -> Root:
        return Root(self.settings.root)

    def context(self, *, writable: bool = False) -> Context:
        return open_context(self.settings, self.emit, writable=writable)


class ReportFailed(Exception):
    """A report whose only news is that something failed."""

    def __init__(self, item: Failure) -> None:
        super().__init__(item.message)
        self.item = item


def raise_first(failed: Sequence[Failure]) -> None:
    """One app was named, so that the first failure is the reason."""
    if failed:
        raise ReportFailed(failed[0])
    return
