"""Downloads: each artifact is fetched, verified and settled by the worker that took it."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.events import Started, Transferred, WarningRaised
from hero_build.model.artifacts import Artifact, Binary, Library, Platform, WasmBundle
from hero_build.model.installed import BuildInfo, Fingerprint, Origin, PartId
from hero_build.model.steps import Asset, Download, Fetched, SelectedAsset, Verified

if TYPE_CHECKING:
    from hero_build.forge.download_dir import DownloadDir
    from hero_build.publish.build_record import BuildRecord


class _Stopped(Exception):
    """In a worker: the command was interrupted."""


class RunContext(Struct, frozen=True):
    """What a command fetches with: the pool of its workers, where their files go, and what calls them off.

    `read`: the build records that are being read, by their addresses; only the thread that begins them looks here.
    """

    pool: ThreadPoolExecutor
    downloads: "DownloadDir"
    stop: threading.Event
    context: Context
    read: "dict[str, Future[BuildRecord | None]]" = field(default_factory=dict)

    def part(self, item: Download) -> list[Future[Verified]]:
        """Begin to fetch every artifact of a part."""
        sizes = [offer.asset.size for offer in item.offers]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        self.context.emit(Started(item.part.id, verb="download", version=item.origin.version, total=total))
        return self.files(item.part.id, artifacts=item.part.artifacts, offers=item.offers, platform=item.platform)

    def records(self, item: Download) -> "list[Future[BuildRecord | None]]":
        """Begin to read what tells how a part was built; what several parts share is read once."""

        for asset in item.records:
            if asset.url not in self.read:
                self.read[asset.url] = self.pool.submit(read_build_record, asset, self.context)
        return [self.read[asset.url] for asset in item.records]

    def files(
        self, part: PartId, artifacts: Sequence[Artifact], offers: Sequence[SelectedAsset], platform: Platform
    ) -> list[Future[Verified]]:
        """Begin to fetch these artifacts of a part."""

        def progress(size: int) -> None:
            if self.stop.is_set():
                raise _Stopped
            self.context.emit(Transferred(part, size))

        pairs = zip(artifacts, offers, strict=True)
        return [self.pool.submit(_take, artifact, offer, platform, progress, self) for artifact, offer in pairs]


def _take(
    artifact: Artifact, selected: SelectedAsset, platform: Platform, progress: Callable[[int], None], run: RunContext
) -> Verified:
    """fetch ─► verify ─► settle, in one worker."""
    from hero_build.forge.transfer import fetch
    from hero_build.install.store import settle
    from hero_build.verify.check import verify
    from hero_build.verify.expect import expect_for

    context = run.context
    arrived = fetch(
        context.forge,
        selected.asset,
        run.downloads,
        sha256=selected.sha256,
        progress=progress,
        limits=context.limits,
        emit=context.emit,
    )
    fetched = Fetched(
        artifact, path=arrived.path, form=_form(artifact), sha256=arrived.sha256, size=arrived.size, offer=selected
    )
    verified = verify(fetched, expect_for(artifact, selected, platform))
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


def read_build_record(asset: Asset, context: Context) -> "BuildRecord | None":
    """One record; None where it cannot be had, which keeps nothing from being installed."""
    from hero_build.forge.transfer import read_small
    from hero_build.publish.build_record import decode

    try:
        return decode(read_small(context.forge, asset, limits=context.limits, emit=context.emit), asset.name)
    except HeroBuildError as error:
        context.emit(WarningRaised(f"how it was built is not known: {error.message}", error.hint))
        return None


def with_build_record(origin: Origin, verified: Sequence[Verified], records: "Sequence[BuildRecord | None]") -> Origin:
    """The origin with the commit and the making of the record that speaks of these very files, if one does."""
    came = {item.fetched.offer.asset.name: item.fetched.sha256 for item in verified if item.fetched.offer}
    for record in records:
        if record is None:
            continue
        made = {item.asset: item.sha256 for item in record.made}
        told = {name: made.get(name) for name in came if name in made}
        if told and all(came[name] == digest for name, digest in told.items()):
            return replace(origin, commit=record.commit, dirty=record.dirty, build=_making(record))
    return origin


def _making(record: "BuildRecord") -> BuildInfo:
    runner = " ".join(word for word in (record.runner.name, record.runner.url, record.runner.system) if word)
    words = {
        "toolchain": record.toolchain,
        "lock": record.lock or "none",
        "build": record.fingerprint,
        "runner": runner,
        "tool": record.tool,
    }
    return BuildInfo("", Fingerprint(tuple(words.items())))
