"""What one part of a batch is built as, and what becomes of it."""

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import HeroBuildError
from hero_build.events import PartFailed
from hero_build.model.decisions import Build, BuildTask
from hero_build.model.installed import Origin
from hero_build.model.steps import Failed, Verified
from hero_build.pipeline.download import RunContext
from hero_build.source.fingerprint import with_written_lock


class BuildItem(Struct, frozen=True):
    """A part to build, its task, and its libraries, which are downloaded."""

    build: Build
    task: BuildTask
    libraries: tuple[Verified, ...]


def built_origin(task: BuildTask) -> Origin:
    """The origin, with the lock file that the build itself may have written."""
    build = task.origin.build
    if build is None:
        return task.origin
    return replace(task.origin, build=replace(build, fingerprint=with_written_lock(build.fingerprint, task.job)))


def part_failed(build: Build, error: HeroBuildError, run: RunContext) -> Failed:
    failed = Failed(build.part.id.app, build.part.id, error)
    run.context.emit(PartFailed(failed))
    return failed
