"""`verify --against-release`: compare installed files with those of a release. Changes nothing."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.catalog.recipe_facts import asset_names
from hero_build.context import Context
from hero_build.errors import HeroBuildError, ReleaseNotFound
from hero_build.forge.download_dir import DownloadDir
from hero_build.model.artifacts import Artifact, Binary, Platform, phase_of
from hero_build.model.decisions import Facts
from hero_build.model.failure import Failure, failure
from hero_build.model.installed import Generation, InstalledArtifact, InstalledPart, PartId, Phase
from hero_build.model.steps import Fetched, Request, SelectedAsset
from hero_build.os_errors import raise_for_machine
from hero_build.pipeline.artifact_set import find_asset
from hero_build.pipeline.resolve import EMPTY, resolve
from hero_build.platforms import LIBCS
from hero_build.queries.apps import by_app, present

Digests = Mapping[str, str]
"""sha256 by path relative to the root."""


class ComparedPart(Struct, frozen=True):
    """A part and a release; `differs` has a sentence for each file that differs."""

    part: str
    forge: str
    tag: str
    files: int
    differs: tuple[str, ...]


class ReleaseComparison(Struct, frozen=True):
    """`failed`: what could not be compared. Pinned libraries are not part of a release and are left out."""

    parts: tuple[ComparedPart, ...]
    failed: tuple[Failure, ...]

    @property
    def differing(self) -> tuple[str, ...]:
        return tuple(item.part for item in self.parts if item.differs)


class ReleaseGroup(Struct, frozen=True):
    """Parts to look for in one release (None: the newest)."""

    app: str
    phase: Phase
    version: str | None


def compare_release(
    generation: Generation, names: Sequence[str], version: str | None, context: Context
) -> ReleaseComparison:
    """Compare the parts of `names`, or all, with release `version`, or with the one that each came from.

    A part that was built is compared with the newest release, a program with the build for the libc that it has.

    Raises AppNotFound, NotFound.
    """
    installed, folder = by_app(generation), context.root.generation(generation.number)
    apps = present(names, installed, context.catalog) if names else tuple(installed)
    groups: dict[ReleaseGroup, list[InstalledPart]] = {}
    for record in (record for app in apps for record in installed[app]):
        groups.setdefault(ReleaseGroup(record.id.app, phase_of(record), version or record.origin.tag), []).append(
            record
        )
    compared: list[ComparedPart] = []
    failed: list[Failure] = []
    for group, records in groups.items():
        try:
            compared += _group(group, records=records, folder=folder, context=context)
        except HeroBuildError as error:
            failed.append(failure(error, group.app))
    return ReleaseComparison(tuple(compared), tuple(failed))


def _group(group: ReleaseGroup, records: Sequence[InstalledPart], folder: Path, context: Context) -> list[ComparedPart]:
    names = tuple(record.id.bundle or "" for record in records) if group.phase == "islands" else ()
    request = Request(group.app, "download", group.version, phase=group.phase, names=names)
    facts = resolve(request, loaded=context.catalog.get(group.app), disk=EMPTY, context=context)
    with tempfile.TemporaryDirectory(prefix="hero-verify-") as scratch, DownloadDir(Path(scratch)) as downloads:
        return [
            _compared(record, folder=folder, facts=facts, downloads=downloads, context=context) for record in records
        ]


def _compared(
    record: InstalledPart, folder: Path, facts: Facts, downloads: DownloadDir, context: Context
) -> ComparedPart:
    if facts.release is None:
        raise ReleaseNotFound(f"{record.id} has no release to compare with", "Name one with --version.")
    entries = [entry for entry in record.entries if entry.artifact != "library"]
    installed = {file.path: _on_disk(folder / file.path) for entry in entries for file in entry.files}
    released = {
        path: sha
        for entry in entries
        for path, sha in _released(record.id, entry=entry, facts=facts, downloads=downloads, context=context).items()
    }
    others = {entry.files[0].path: other for entry in entries if (other := _other_platform(entry, facts.platform))}
    return ComparedPart(
        str(record.id),
        forge=facts.release.forge,
        tag=facts.release.tag,
        files=len(installed),
        differs=tuple(_differences(installed, released, others)),
    )


def _other_platform(entry: InstalledArtifact, platform: Platform) -> Platform | None:
    """The platform of a program that was built here for another libc than the one of the app's downloads."""
    if entry.asset is not None or entry.elf is None or entry.elf.static or entry.elf.libc == platform.libc:
        return None
    return next((Platform(platform.arch, libc) for libc in LIBCS if libc == entry.elf.libc), None)


def _released(
    part: PartId, entry: InstalledArtifact, facts: Facts, downloads: DownloadDir, context: Context
) -> Digests:
    """The digests of an entry's files in the release: the published ones, else those of the downloaded asset."""
    artifact = next((item for item in facts.asset_names if item.name == entry.name), None)
    selected = _selected(artifact, entry=entry, facts=facts, context=context) if artifact else None
    if artifact is None or selected is None:
        return {}
    if selected.sha256 is not None and selected.sha256 == entry.asset_sha256:  # the files came from this asset
        return {file.path: file.sha256 for file in entry.files}
    if isinstance(artifact, Binary) and selected.sha256 is not None:
        return {entry.files[0].path: selected.sha256}
    return _fetched(artifact, selected=selected, facts=facts, downloads=downloads, context=context)


def _selected(artifact: Artifact, entry: InstalledArtifact, facts: Facts, context: Context) -> SelectedAsset | None:
    """The asset to compare with."""
    other = _other_platform(entry, facts.platform)
    if other is None or facts.release is None:
        return facts.selected.get(artifact)
    match = find_asset(facts.release, asset_names(context.catalog.get(facts.app), [artifact], other)[artifact])
    return SelectedAsset(match[0], sha256=match[0].sha256, legacy=match[1]) if match else None


def _fetched(
    artifact: Artifact, selected: SelectedAsset, facts: Facts, downloads: DownloadDir, context: Context
) -> Digests:
    """Download and verify the asset. Raises the errors of an install."""
    from hero_build.forge.transfer import fetch
    from hero_build.verify.check import verify
    from hero_build.verify.expect import expect_for

    download = fetch(
        context.forge, selected.asset, downloads, sha256=selected.sha256, limits=context.limits, emit=context.emit
    )
    if isinstance(artifact, Binary):
        return {f"bin/{artifact.name}": download.sha256}
    fetched = Fetched(
        artifact, path=download.path, form="archive", sha256=download.sha256, size=download.size, selected=selected
    )
    return {
        str(file.dest): file.sha256 for file in verify(fetched, expect_for(artifact, selected, facts.platform)).files
    }


def _differences(
    installed: Mapping[str, str | None], released: Digests, others: Mapping[str, Platform]
) -> Iterator[str]:
    """`others`: the platform of each file that was built for another one than the app's downloads."""
    for path in sorted({*installed, *released}):
        ours, theirs = installed.get(path), released.get(path)
        if theirs is None and path in others:
            yield f"{path} was built here for {others[path]}, and the release has none for that"
        elif theirs is None:
            yield f"{path} is not in the release"
        elif ours is None:
            yield f"{path} is in the release and not installed"
        elif ours != theirs:
            yield f"{path} has sha256 {ours[:12]}…, the release has {theirs[:12]}…"


def _on_disk(path: Path) -> str | None:
    """The sha256 of a file; None if it is missing or cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise_for_machine(error, path)
        return None
