"""What `build` put into the store, as a document."""

from msgspec import Struct

from hero_build.model.failure import Failure, exit_code, failures
from hero_build.model.installed import Used
from hero_build.ops.build import BuildOutcome


class BuiltPart(Struct, frozen=True):
    """`fresh`: it was downloaded or built now; otherwise it was installed and up to date. `paths`: in the store."""

    part: str
    app: str
    version: str
    used: Used
    fresh: bool
    paths: tuple[str, ...]


class BuildReport(Struct, frozen=True):
    """`installed_paths`: all files in the store; nothing of the root shows them until an install."""

    parts: tuple[BuiltPart, ...]
    installed_paths: tuple[str, ...]
    duration_ms: int
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.parts))


def build_report(result: BuildOutcome) -> BuildReport:
    parts = tuple(
        BuiltPart(
            str(item.part),
            app=item.part.app,
            version=item.origin.version,
            used=item.origin.used,
            fresh=item.fresh,
            paths=tuple(map(str, item.paths)),
        )
        for item in sorted(result.parts, key=lambda item: str(item.part))  # they come as they are finished
    )
    paths = tuple(dict.fromkeys(path for part in parts for path in part.paths))
    took = round(1000 * result.seconds)
    return BuildReport(parts, installed_paths=paths, duration_ms=took, failed=failures(result.failed))
