"""The reports of `publish` and `ci`."""

from collections.abc import Sequence

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.model.failure import Failure, exit_code, failure, failures
from hero_build.ops.publish import NotBuilt
from hero_build.ops.publish_plan import PlannedRelease
from hero_build.publish.matrix import CiJob
from hero_build.publish.types import PublishResult


class PublishReport(Struct, frozen=True):
    """`releases`: one for each app that was published or was up to date. `planned`: one for each that would be, of a
    dry run.
    """

    releases: tuple[PublishResult, ...]
    failed: tuple[Failure, ...]
    dry_run: bool = False
    planned: tuple[PlannedRelease, ...] = ()

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.releases) + len(self.planned))


def publish_report(
    results: Sequence[PublishResult | PlannedRelease], failed: Sequence[Failure], *, dry_run: bool
) -> PublishReport:
    done = tuple(item for item in results if isinstance(item, PublishResult))
    planned = tuple(item for item in results if isinstance(item, PlannedRelease))
    return PublishReport(done, tuple(failed), dry_run=dry_run, planned=planned)


def publish_failures(error: HeroBuildError, app: str) -> tuple[Failure, ...]:
    return failures(error.failed) if isinstance(error, NotBuilt) else (failure(error, app),)


class MatrixReport(Struct, frozen=True):
    """The jobs of a release; `islands` are lists, other than in the line that `ci matrix` prints."""

    include: tuple[CiJob, ...]


class WorkflowReport(Struct, frozen=True):
    """A workflow, as YAML."""

    app: str
    workflow: str
