"""What `uninstall` did, as a document."""

from hero_build.ops.uninstall import Uninstalled
from hero_build.queries.change_report import ChangeReport, between
from hero_build.queries.service_report import ServiceChange, service_report


class UninstallReport(ChangeReport, frozen=True):
    """`services`: those of the apps, each with how it stopped; `forgotten`: those that no supervisor has any more."""

    services: tuple[ServiceChange, ...] = ()
    forgotten: tuple[str, ...] = ()


def uninstall_report(result: Uninstalled, root_flag: str | None = None) -> UninstallReport:
    done = between(result.before, result.after, root_flag, failed=result.failed)
    return UninstallReport(
        done.before,
        after=done.after,
        dry_run=False,
        parts=done.parts,
        failed=done.failed,
        undo=done.undo,
        services=service_report(result.stopped).services,
        forgotten=result.forgotten,
    )
