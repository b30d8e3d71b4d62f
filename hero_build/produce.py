"""Runs decisions: downloads in a pool of workers, each fetched, verified and settled by the worker that took it.

A part is Ready when every artifact of it is verified, or Failed; one that fails leaves the others alone.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Literal

from hero_build.artifact import Artifact, Library
from hero_build.errors import BuildNeeded, HeroBuildError
from hero_build.events import Began, Broke, Finished, Moved
from hero_build.model import Build, Download, Failed, Fetched, Offer, Ready, Verified
from hero_build.record import PartId
from hero_build.tools import Tools

if TYPE_CHECKING:
    from hero_build.forge.inbox import Inbox


class _Stopped(Exception):
    """In a worker: the command was interrupted."""


def produce(todo: Sequence[Download | Build], inbox: "Inbox", tools: Tools) -> Iterator[Ready | Failed]:
    """Yield each part as it is done. An interrupt stops the workers at their next piece; what arrived stays warm."""
    yield from (_unbuildable(item, tools) for item in todo if isinstance(item, Build))
    yield from _download_all([item for item in todo if isinstance(item, Download)], inbox, tools)


def _download_all(downloads: Sequence[Download], inbox: "Inbox", tools: Tools) -> Iterator[Ready | Failed]:
    stop = threading.Event()
    pool = ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="fetch")
    try:
        parts = {item.part.id: (item, _submit(pool, item, inbox, stop, tools)) for item in downloads}
        pending = {future for _, futures in parts.values() for future in futures}
        while parts:
            _, pending = wait(pending, return_when=FIRST_COMPLETED)
            for part in [part for part, (_, futures) in parts.items() if all(future.done() for future in futures)]:
                yield _result(*parts.pop(part), tools)
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor, item: Download, inbox: "Inbox", stop: threading.Event, tools: Tools
) -> list[Future[Verified]]:
    sizes = [offer.asset.size for offer in item.offers]
    total = None if None in sizes else sum(size for size in sizes if size is not None)
    tools.emit(Began(item.part.id, "download", item.origin.version, total))

    def progress(size: int) -> None:
        if stop.is_set():
            raise _Stopped
        tools.emit(Moved(item.part.id, size))

    pairs = zip(item.part.artifacts, item.offers, strict=True)
    return [pool.submit(_take, item, artifact, offer, inbox, progress, tools) for artifact, offer in pairs]


def _result(item: Download, futures: list[Future[Verified]], tools: Tools) -> Ready | Failed:
    try:
        verified = tuple(future.result() for future in futures)
    except HeroBuildError as error:
        return _failed(item.part.id, error, tools)
    tools.emit(Finished(item.part.id))
    return Ready(item.part, item.origin, verified)


def _take(
    item: Download, artifact: Artifact, offer: Offer, inbox: "Inbox", progress: Callable[[int], None], tools: Tools
) -> Verified:
    """fetch ─► verify ─► settle, in one worker."""
    from hero_build.forge.transfer import fetch
    from hero_build.install.store import settle
    from hero_build.verify.check import verify
    from hero_build.verify.expect import expect_for

    arrived = fetch(
        tools.forge,
        offer.asset,
        inbox,
        sha256=offer.sha256,
        progress=progress,
        limits=tools.limits,
        emit=tools.emit,
    )
    form: Literal["file", "archive"] = (
        "archive" if isinstance(artifact, Library) and any(pin.member for pin in artifact.pins) else "file"
    )
    fetched = Fetched(artifact, arrived.path, form, arrived.sha256, arrived.size, offer)
    verified = verify(fetched, expect_for(artifact, offer, item.platform))
    settle(verified)
    return verified


def _unbuildable(item: Build, tools: Tools) -> Failed:
    app = item.part.id.app
    hint = f"Only releases can be installed: `hero-build install {app} --mode download`, with --version TAG."
    return _failed(item.part.id, BuildNeeded(f"{app} would have to be built from source: {item.why}", hint), tools)


def _failed(part: PartId, error: HeroBuildError, tools: Tools) -> Failed:
    failed = Failed(part.app, part, error)
    tools.emit(Broke(failed))
    return failed
