"""`build`: download or build and verify into the store, and commit nothing.

plan ─► produce (fetch | build ─► verify) ─► stage
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.context import Context
from hero_build.forge.download_dir import DownloadDir
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.install.store import content_path
from hero_build.model.decisions import Build, Download, Keep
from hero_build.model.installed import FileEntry, InstalledPart, Origin, PartId
from hero_build.model.steps import Failed, File, Put, Request, Restore
from hero_build.ops.install import plan, stage_part
from hero_build.pipeline.produce import produce


class StoredPart(Struct, frozen=True):
    """A part whose files are in the store; `fresh`: it was fetched or built by this command."""

    part: PartId
    origin: Origin
    fresh: bool
    paths: tuple[Path, ...]


class BuildOutcome(Struct, frozen=True):
    parts: tuple[StoredPart, ...]
    failed: tuple[Failed, ...]
    seconds: float


def build(requests: Sequence[Request], context: Context) -> BuildOutcome:
    """What is installed and up to date is not built again. Raises LockHeld, MachineError, RootDamaged."""
    began = time.monotonic()
    todo = plan(requests, context)
    work = [item for item in todo.decisions if isinstance(item, Download | Build)]
    parts = [item for item in todo.decisions if isinstance(item, Keep)]
    results = list(_stored(work, context)) if work else []
    kept = _kept(parts, context) if parts else []
    failed = (*todo.failed, *(item for item in results if isinstance(item, Failed)))
    fresh = (item for item in results if isinstance(item, StoredPart))
    return BuildOutcome((*kept, *fresh), failed=failed, seconds=time.monotonic() - began)


def _stored(work: Sequence[Download | Build], context: Context) -> Iterator[StoredPart | Failed]:
    with DownloadDir(context.root.partial) as downloads:
        results = list(produce(work, downloads, context))
        with locked(context.root, context.settings.wait) as held:
            for item in results:
                staged = item if isinstance(item, Failed) else stage_part(held, item, context)
                yield _fresh(context.root, staged)


def _fresh(root: Root, staged: Put | Restore | Failed) -> StoredPart | Failed:
    match staged:
        case Put(part=part, origin=origin, artifacts=artifacts):
            files: Sequence[File | FileEntry] = [file for item in artifacts for file in item.verified.files]
            return StoredPart(part.id, origin, fresh=True, paths=_paths(root, files))
        case Restore(record=record):
            return _installed(root, record)
        case Failed():
            return staged


def _kept(parts: Sequence[Keep], context: Context) -> list[StoredPart]:
    from hero_build import manifest

    records = manifest.load(context.root.path).records
    return [_installed(context.root, records[item.part]) for item in parts if item.part in records]


def _installed(root: Root, record: InstalledPart) -> StoredPart:
    files = [file for entry in record.entries for file in entry.files]
    return StoredPart(record.id, record.origin, fresh=False, paths=_paths(root, files))


def _paths(root: Root, files: Sequence[File | FileEntry]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(content_path(root, file) for file in files))
