"""Runs decisions: downloads in a pool of workers, and beside them the builds, one at a time.

A part is verified when every artifact of it is, or it is Failed; one that fails leaves the others alone.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.events import Finished, PartFailed
from hero_build.install.stored_content import StoredContents
from hero_build.model.artifacts import Library
from hero_build.model.decisions import Build, Download
from hero_build.model.installed import PartId
from hero_build.model.steps import Failed, Produced, Verified, VerifiedPart
from hero_build.pipeline.download import RunContext, with_build_record
from hero_build.system.thread_pool import ThreadPool

if TYPE_CHECKING:
    from hero_build.forge.build_record import BuildRecord
    from hero_build.forge.download_dir import DownloadDir


class _PendingDownload(Struct, frozen=True):
    """A download in progress: its files, and the records of how they were built."""

    item: Download
    files: list[Future[Verified]]
    records: "list[Future[BuildRecord | None]]"

    @property
    def done(self) -> bool:
        return all(future.done() for future in self.files) and all(future.done() for future in self.records)


class Production:
    """Downloads and builds of one command. What `start` gets is fetched while other apps are still being planned.

    A context manager: an interrupt stops the workers at their next chunk, and cargo with all that it started; what was
    downloaded is kept. Only one thread may use it.
    """

    def __init__(self, downloads: "DownloadDir", context: Context) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPool(context.settings.jobs, thread_name_prefix="fetch")
        self._builder = ThreadPool(1, thread_name_prefix="build")
        stored = StoredContents(context.root)
        self._run = RunContext(self._pool, downloads=downloads, stop=self._stop, context=context, stored=stored)
        self._started: dict[PartId, _PendingDownload] = {}
        self._builds = False

    def __enter__(self) -> "Production":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._builder.shutdown(wait=False, cancel_futures=True)
        if self._builds:
            from hero_build.system import process  # a download starts no program

            process.end_children()  # cargo ends before the command does

    def start(self, item: Download) -> None:
        """Start to fetch a part, unless that has started."""
        if item.part.id not in self._started:
            pending = _PendingDownload(item, self._run.part(item), self._run.records(item))
            self._started[item.part.id] = pending

    def results(self, todo: Sequence[Download | Build]) -> Iterator[Produced]:
        """Yield each part as it is done."""
        downloads = [item for item in todo if isinstance(item, Download)]
        for item in downloads:
            self.start(item)
        parts = {item.part.id: self._started[item.part.id] for item in downloads}
        to_build = [item for item in todo if isinstance(item, Build)]
        self._builds = bool(to_build)
        builds = _builds(to_build, self._builder, self._run)
        from hero_build.model import manifest_convert  # noqa: F401 - the commit needs it: while files arrive

        yield from _as_done(parts, builds, self._run.context)


def produce(todo: Sequence[Download | Build], downloads: "DownloadDir", context: Context) -> Iterator[Produced]:
    """Yield each part as it is done."""
    with Production(downloads, context) as production:
        yield from production.results(todo)


def _builds(todo: Sequence[Build], builder: ThreadPool, run: RunContext) -> set[Future[list[Produced]]]:
    """Start the builds: their libraries in the pool, and cargo once these are there."""
    if not todo:
        return set()
    from hero_build.pipeline.build import batches, run_batch  # git, cargo and what belongs to them

    libraries = {item.part.id: _libraries(item, run) for item in todo}
    return {builder.submit(run_batch, batch, libraries, run) for batch in batches(todo)}


def _libraries(item: Build, run: RunContext) -> list[Future[Verified]]:
    if item.task is None:
        return []
    libraries = [artifact for artifact in item.part.artifacts if isinstance(artifact, Library)]
    return run.files(item.part.id, artifacts=libraries, selected=item.task.libraries, platform=item.task.platform)


def _as_done(
    parts: dict[PartId, _PendingDownload], builds: set[Future[list[Produced]]], context: Context
) -> Iterator[Produced]:
    pending: set[Future[Any]] = set(builds)
    for part in parts.values():
        pending |= {*part.files, *part.records}
    while parts or builds:
        _, pending = wait(pending, return_when=FIRST_COMPLETED)
        for done in [name for name, part in parts.items() if part.done]:
            yield _result(parts.pop(done), context)
        for build in [build for build in builds if build.done()]:
            builds.remove(build)
            yield from build.result()


def _result(part: _PendingDownload, context: Context) -> Produced:
    item = part.item
    try:
        verified = tuple(future.result() for future in part.files)
    except HeroBuildError as error:
        failed = Failed(item.part.id.app, item.part.id, error)
        context.emit(PartFailed(failed))
        return failed
    context.emit(Finished(item.part.id))
    records = [record.result() for record in part.records]
    return VerifiedPart(item.part, with_build_record(item.origin, verified, records), verified)
