"""Runs decisions: downloads in a pool of workers, and beside them the builds, one at a time.

A part is Ready when every artifact of it is verified, or Failed; one that fails leaves the others alone.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hero_build.artifact import Library
from hero_build.downloads import Fetching
from hero_build.errors import HeroBuildError
from hero_build.events import Broke, Finished
from hero_build.model import Build, Download, Failed, Ready, Verified
from hero_build.provenance import traced
from hero_build.record import PartId
from hero_build.tools import Tools

if TYPE_CHECKING:
    from hero_build.forge.inbox import Inbox
    from hero_build.publish.provenance import BuildRecord


@dataclass(frozen=True, slots=True)
class _Part:
    """A download under way: its files, and what tells how they were built."""

    item: Download
    files: list[Future[Verified]]
    records: "list[Future[BuildRecord | None]]"

    @property
    def done(self) -> bool:
        return all(future.done() for future in self.files) and all(future.done() for future in self.records)


def produce(todo: Sequence[Download | Build], inbox: "Inbox", tools: Tools) -> Iterator[Ready | Failed]:
    """Yield each part as it is done.

    An interrupt stops the workers at their next piece, and cargo with all that it started; what arrived stays warm.
    """
    stop = threading.Event()
    pool = ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="fetch")
    builder = ThreadPoolExecutor(1, thread_name_prefix="build")
    fetching = Fetching(pool, inbox, stop, tools)
    try:
        downloads = [item for item in todo if isinstance(item, Download)]
        parts = {item.part.id: _Part(item, fetching.part(item), fetching.records(item)) for item in downloads}
        builds = _builds([item for item in todo if isinstance(item, Build)], builder, fetching)
        yield from _as_done(parts, builds, tools)
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        builder.shutdown(wait=True, cancel_futures=True)  # cargo ends before the command does


def _builds(
    todo: Sequence[Build], builder: ThreadPoolExecutor, fetching: Fetching
) -> set[Future[list[Ready | Failed]]]:
    """Begin the builds: their libraries in the pool, and cargo when these are there."""
    if not todo:
        return set()
    from hero_build.builds import batches, run  # git, cargo and what belongs to them

    libraries = {item.part.id: _libraries(item, fetching) for item in todo}
    return {builder.submit(run, batch, libraries, fetching) for batch in batches(todo)}


def _libraries(item: Build, fetching: Fetching) -> list[Future[Verified]]:
    if item.task is None:
        return []
    wanted = [artifact for artifact in item.part.artifacts if isinstance(artifact, Library)]
    return fetching.files(item.part.id, wanted, item.task.libraries, item.task.platform)


def _as_done(
    parts: dict[PartId, _Part], builds: set[Future[list[Ready | Failed]]], tools: Tools
) -> Iterator[Ready | Failed]:
    pending: set[Future[Any]] = set(builds)
    for part in parts.values():
        pending |= {*part.files, *part.records}
    while parts or builds:
        _, pending = wait(pending, return_when=FIRST_COMPLETED)
        for done in [name for name, part in parts.items() if part.done]:
            yield _result(parts.pop(done), tools)
        for build in [build for build in builds if build.done()]:
            builds.remove(build)
            yield from build.result()


def _result(part: _Part, tools: Tools) -> Ready | Failed:
    item = part.item
    try:
        verified = tuple(future.result() for future in part.files)
    except HeroBuildError as error:
        failed = Failed(item.part.id.app, item.part.id, error)
        tools.emit(Broke(failed))
        return failed
    tools.emit(Finished(item.part.id))
    records = [record.result() for record in part.records]
    return Ready(item.part, traced(item.origin, verified, records), verified)
