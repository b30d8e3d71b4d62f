"""What a handler works with, and how it ends where a report has failures."""

from collections.abc import Callable, Sequence

from msgspec import Struct, field

from hero_build.catalog.loader import load
from hero_build.context import Context, open_context
from hero_build.events import Emit, silent
from hero_build.install.layout import Root
from hero_build.model.failure import Failure
from hero_build.server.catalog_memory import CatalogMemory
from hero_build.server.observer import Observer
from hero_build.services.journal import Operation
from hero_build.services.open_run import open_run
from hero_build.services.service_run import ServiceRun
from hero_build.settings import Settings
from hero_build.source.git.checkouts import CheckoutUse


class Call(Struct, frozen=True, eq=False):
    """The settings of the server, what it sees of its root, and where a call reports its progress."""

    settings: Settings
    observer: Observer
    emit: Emit = silent
    started: float = 0.0
    """When the server started, in seconds of time.time()."""
    operations: Callable[[], tuple[Operation, ...]] = tuple
    """What the server runs or queues now."""
    can_retry: Callable[[Operation], bool] = bool
    """Whether an operation can be asked for again."""
    memory: CatalogMemory = field(default_factory=CatalogMemory)

    @property
    def root(self) -> Root:
        return Root(self.settings.root)

    def context(self, *, use: CheckoutUse = "read") -> Context:
        return open_context(self.settings, self.emit, use=use)

    def service_run(self) -> ServiceRun:
        return open_run(self.settings, load(self.settings.recipes), self.emit)


class ReportFailed(Exception):
    """A report with a failure: `item` is the first one."""

    def __init__(self, item: Failure, report: Struct | None) -> None:
        super().__init__(item.message)
        self.item = item
        self.report = report


def raise_first(failed: Sequence[Failure], report: Struct | None = None) -> None:
    """One app was named, so that the first failure is the reason. Raises ReportFailed."""
    if failed:
        raise ReportFailed(failed[0], report)
