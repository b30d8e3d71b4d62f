"""Downloads: one worker fetches, verifies and settles an artifact. Also: what a release records of its build."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from hero_build.context import Context
from hero_build.errors import HeroBuildError, VerificationError
from hero_build.events import Started, Transferred, WarningRaised
from hero_build.install.stored_content import StoredContents, link_content
from hero_build.model.artifacts import Artifact, Binary, Library, Platform, WasmBundle
from hero_build.model.decisions import Download, Reason
from hero_build.model.installed import BuildInfo, FileEntry, Fingerprint, Origin, PartId
from hero_build.model.steps import Asset, Fetched, File, SelectedAsset, Verified
from hero_build.system.thread_pool import ThreadPool

if TYPE_CHECKING:
    from hero_build.forge.build_record import BuildRecord
    from hero_build.forge.download_dir import DownloadDir


class _Stopped(Exception):
    """In a worker: the command was interrupted."""


class RunContext(Struct, frozen=True):
    """What the downloads of one command share: the worker pool, the folder of partial files, and the stop signal.

    `read`: the build records that are being read, by address; only the thread that starts downloads uses it, and
    `stored`, what the root has already.
    """

    pool: ThreadPool
    downloads: "DownloadDir"
    stop: threading.Event
    context: Context
    stored: StoredContents
    read: "dict[str, Future[BuildRecord | None]]" = field(default_factory=dict)

    def part(self, item: Download) -> list[Future[Verified]]:
        """Start fetching every artifact of a part that the store does not have; --reset asks for all of them."""
        pairs = tuple(zip(item.part.artifacts, item.selected, strict=True))
        stored = [None if item.reason is Reason.RESET else self._stored(*pair) for pair in pairs]
        sizes = [selected.asset.size for (_, selected), files in zip(pairs, stored, strict=True) if files is None]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        verb = "download" if sizes else "restore"
        started = Started(item.part.id, verb=verb, version=item.origin.version, total=total if sizes else None)
        self.context.emit(started)
        return self._start(item.part.id, pairs, stored=stored, platform=item.platform)

    def _stored(self, artifact: Artifact, selected: SelectedAsset) -> tuple[FileEntry, ...] | None:
        return self.stored.files(artifact, selected.sha256) if selected.sha256 else None

    def records(self, item: Download) -> "list[Future[BuildRecord | None]]":
        """Start reading the records of how a part was built; one that several parts share is read once."""
        for asset in item.records:
            if asset.url not in self.read:
                self.read[asset.url] = self.pool.submit(read_build_record, asset, self.context)
        return [self.read[asset.url] for asset in item.records]

    def files(
        self, part: PartId, artifacts: Sequence[Artifact], selected: Sequence[SelectedAsset], platform: Platform
    ) -> list[Future[Verified]]:
        """Start fetching these artifacts of a part."""
        pairs = tuple(zip(artifacts, selected, strict=True))
        stored = [self._stored(*pair) for pair in pairs]
        return self._start(part, pairs, stored=stored, platform=platform)

    def _start(
        self,
        part: PartId,
        pairs: Sequence[tuple[Artifact, SelectedAsset]],
        stored: Sequence[tuple[FileEntry, ...] | None],
        platform: Platform,
    ) -> list[Future[Verified]]:
        def progress(size: int) -> None:
            if self.stop.is_set():
                raise _Stopped
            self.context.emit(Transferred(part, size))

        tasks = [
            _Task(artifact, selected=selected, platform=platform, stored=files or (), progress=progress)
            for (artifact, selected), files in zip(pairs, stored, strict=True)
        ]
        return [self.pool.submit(_obtain, task, self) for task in tasks]


class _Task(Struct, frozen=True):
    """An artifact to be fetched; `stored`: the files of it that the store seems to have."""

    artifact: Artifact
    selected: SelectedAsset
    platform: Platform
    stored: tuple[FileEntry, ...]
    progress: Callable[[int], None]


def _obtain(task: _Task, run: RunContext) -> Verified:
    return (_take_stored(task, run) if task.stored else None) or _fetch_verified(task, run)


def _take_stored(task: _Task, run: RunContext) -> Verified | None:
    """The artifact as the store has it, by hard links; None where that is damaged or gone."""
    from hero_build.verify.check import verify_stored
    from hero_build.verify.expect import expect_for

    folder = run.downloads.scratch()
    try:
        links = [link_content(run.context.root, entry, folder) for entry in task.stored]
        pairs = tuple(zip(task.stored, links, strict=True))
        files = tuple(
            File(PurePosixPath(entry.path), path=path, sha256=entry.sha256, size=entry.size, mode=entry.mode)
            for entry, path in pairs
        )
        size = sum(file.size for file in files)
        fetched = Fetched(
            task.artifact,
            path=folder,
            form="tree",
            sha256=task.selected.sha256 or "",
            size=size,
            selected=task.selected,
        )
        return verify_stored(fetched, files, expect_for(task.artifact, task.selected, task.platform))
    except (OSError, VerificationError):
        return None


def _fetch_verified(task: _Task, run: RunContext) -> Verified:
    """fetch ─► verify ─► make durable, in one worker."""
    from hero_build.forge.transfer import fetch
    from hero_build.install.store import make_durable
    from hero_build.verify.check import verify
    from hero_build.verify.expect import expect_for

    context, artifact, selected = run.context, task.artifact, task.selected
    downloaded = fetch(
        context.forge,
        selected.asset,
        run.downloads,
        sha256=selected.sha256,
        progress=task.progress,
        limits=context.limits,
        emit=context.emit,
    )
    fetched = Fetched(
        artifact,
        path=downloaded.path,
        form=_form(artifact),
        sha256=downloaded.sha256,
        size=downloaded.size,
        selected=selected,
    )
    verified = verify(fetched, expect_for(artifact, selected, task.platform))
    make_durable(verified)
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
    """One record; None where it cannot be read, which keeps nothing from being installed."""
    from hero_build.forge.build_record import decode
    from hero_build.forge.transfer import read_small

    try:
        return decode(read_small(context.forge, asset, limits=context.limits, emit=context.emit), asset.name)
    except HeroBuildError as error:
        context.emit(WarningRaised(f"how it was built is not known: {error.message}", error.hint))
        return None


def with_build_record(origin: Origin, verified: Sequence[Verified], records: "Sequence[BuildRecord | None]") -> Origin:
    """The origin with commit and build of the record that lists these very files, if one does."""
    digests = {item.fetched.selected.asset.name: item.fetched.sha256 for item in verified if item.fetched.selected}
    for record in (record for record in records if record is not None):
        recorded = {item.asset: item.sha256 for item in record.made if item.asset in digests}
        if recorded and all(digests[name] == digest for name, digest in recorded.items()):
            return replace(origin, commit=record.commit, dirty=record.dirty, build=_build_info(record))
    return origin


def _build_info(record: "BuildRecord") -> BuildInfo:
    runner = " ".join(word for word in (record.runner.name, record.runner.url, record.runner.system) if word)
    components = {
        "toolchain": record.toolchain,
        "lock": record.lock or "none",
        "build": record.fingerprint,
        "runner": runner,
        "tool": record.tool,
    }
    return BuildInfo("", Fingerprint(tuple(components.items())))
