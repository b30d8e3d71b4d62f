"""What `delete` did, as a document."""

from msgspec import Struct

from hero_build.model.failure import Failure, exit_code, failures
from hero_build.ops.delete import Deleted
from hero_build.queries.change_report import ChangeReport, between
from hero_build.queries.service_report import ServiceChange, service_report


class DeleteReport(Struct, frozen=True):
    """`services`: each with how it stopped; `forgotten`: those that no supervisor has any more; `uninstalled`: what
    --purge changed.
    """

    services: tuple[ServiceChange, ...]
    forgotten: tuple[str, ...]
    uninstalled: ChangeReport | None
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.forgotten))


def delete_report(result: Deleted, root_flag: str | None = None) -> DeleteReport:
    changes = between(*result.uninstalled, root_flag) if result.uninstalled else None
    services = service_report(result.stopped).services
    return DeleteReport(services, forgotten=result.forgotten, uninstalled=changes, failed=failures(result.failed))
