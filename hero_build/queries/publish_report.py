"""The reports of `publish` and `ci`."""

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.model.failure import Failure, exit_code, failure, failures
from hero_build.ops.publish import NotBuilt
from hero_build.publish.matrix import CiJob
from hero_build.publish.types import PublishResult


class PublishReport(Struct, frozen=True):
    """`releases`: one for each app that was published or was up to date."""

    releases: tuple[PublishResult, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.releases))


def publish_failures(error: HeroBuildError, app: str) -> tuple[Failure, ...]:
    return failures(error.failed) if isinstance(error, NotBuilt) else (failure(error, app),)


class MatrixReport(Struct, frozen=True):
    """The jobs of a release; `islands` are lists, other than in the line that `ci matrix` prints."""

    include: tuple[CiJob, ...]


class WorkflowReport(Struct, frozen=True):
    """A workflow, as YAML."""

    app: str
    workflow: str
