"""Downloads: each artifact is fetched, verified and settled by the worker that took it."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hero_build.artifact import Artifact, Binary, Library, Platform, WasmBundle
from hero_build.events import Began, Moved
from hero_build.model import Download, Fetched, Offer, Verified
from hero_build.record import PartId
from hero_build.tools import Tools

if TYPE_CHECKING:
    from hero_build.forge.inbox import Inbox
    from hero_build.publish.provenance import BuildRecord


class _Stopped(Exception):
    """In a worker: the command was interrupted."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """What a command fetches with: the pool of its workers, where their files go, and what calls them off.

    `read`: the build records that are being read, by their addresses; only the thread that begins them looks here.
    """

    pool: ThreadPoolExecutor
    inbox: "Inbox"
    stop: threading.Event
    tools: Tools
    read: "dict[str, Future[BuildRecord | None]]" = field(default_factory=dict)

    def part(self, item: Download) -> list[Future[Verified]]:
        """Begin to fetch every artifact of a part."""
        sizes = [offer.asset.size for offer in item.offers]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        self.tools.emit(Began(item.part.id, "download", item.origin.version, total))
        return self.files(item.part.id, item.part.artifacts, item.offers, item.platform)

    def records(self, item: Download) -> "list[Future[BuildRecord | None]]":
        """Begin to read what tells how a part was built; what several parts share is read once."""
        from hero_build import provenance

        for asset in item.records:
            if asset.url not in self.read:
                self.read[asset.url] = self.pool.submit(provenance.read, asset, self.tools)
        return [self.read[asset.url] for asset in item.records]

    def files(
        self, part: PartId, artifacts: Sequence[Artifact], offers: Sequence[Offer], platform: Platform
    ) -> list[Future[Verified]]:
        """Begin to fetch these artifacts of a part."""

        def progress(size: int) -> None:
            if self.stop.is_set():
                raise _Stopped
            self.tools.emit(Moved(part, size))

        pairs = zip(artifacts, offers, strict=True)
        return [self.pool.submit(_take, artifact, offer, platform, progress, self) for artifact, offer in pairs]


def _take(
    artifact: Artifact, offer: Offer, platform: Platform, progress: Callable[[int], None], fetching: Fetching
) -> Verified:
    """fetch ─► verify ─► settle, in one worker."""
    from hero_build.forge.transfer import fetch
    from hero_build.install.store import settle
    from hero_build.verify.check import verify
    from hero_build.verify.expect import expect_for

    tools = fetching.tools
    arrived = fetch(
        tools.forge,
        offer.asset,
        fetching.inbox,
        sha256=offer.sha256,
        progress=progress,
        limits=tools.limits,
        emit=tools.emit,
    )
    fetched = Fetched(artifact, arrived.path, _form(artifact), arrived.sha256, arrived.size, offer)
    verified = verify(fetched, expect_for(artifact, offer, platform))
    settle(verified)
    return verified


def _form(artifact: Artifact) -> Literal["file", "archive"]:
    match artifact:
        case Binary():
            return "file"
        case Library(pins=pins):
            return "archive" if any(pin.member for pin in pins) else "file"
        case WasmBundle():
            return "archive"
