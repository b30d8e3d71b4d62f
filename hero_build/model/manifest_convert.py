"""A manifest's document as the value that the rest works with, and back."""

import operator
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar, cast

from msgspec import UNSET, UnsetType

from hero_build.model.installed import (
    SCHEMA,
    Adopted,
    BuildInfo,
    FileEntry,
    Fingerprint,
    Generation,
    InstalledArtifact,
    InstalledPart,
    Origin,
    PartId,
)
from hero_build.model.manifest_checks import check_path, check_texts
from hero_build.model.manifest_document import (
    ORIGIN,
    ManifestApp,
    ManifestArtifact,
    ManifestBuild,
    ManifestBundle,
    ManifestDocument,
    ManifestFile,
    ManifestSource,
)

T = TypeVar("T")
_origin_of = operator.attrgetter(*ORIGIN)
_decoded: dict[str, tuple[tuple[InstalledPart, ...], ManifestApp]] = {}
"""The apps of the document that was converted last: written again as they are where a change leaves them alone."""


def to_document(generation: Generation) -> ManifestDocument:
    """Parts are in the order of their app's name, an app's programs before its bundles."""
    apps: dict[str, list[InstalledPart]] = {}
    for part_id in sorted(generation.records, key=_order):
        apps.setdefault(part_id.app, []).append(generation.records[part_id])
    return ManifestDocument(
        schema=SCHEMA,
        generation=generation.number,
        created=generation.created,
        tool=generation.tool,
        action=generation.action,
        lock=_or_unset(generation.lock),
        apps={name: _app(name, parts) for name, parts in apps.items()},
        adopted={item.path: item.form for item in generation.adopted},
    )


def _order(part: PartId) -> tuple[str, str]:
    return part.app, part.bundle or ""


def _app(name: str, parts: Sequence[InstalledPart]) -> ManifestApp:
    known, app = _decoded.get(name, ((), None))
    if app is not None and len(known) == len(parts) and all(map(operator.is_, known, parts)):
        return app
    return _new_app(parts)


def _new_app(parts: Iterable[InstalledPart]) -> ManifestApp:
    origin: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {"binary": {}, "library": {}, "bundle": {}}
    for part in parts:
        if part.id.bundle is None:
            origin = _origin_fields(part.origin)
        for entry in part.entries:
            groups[entry.artifact][entry.name] = _bundle(part, entry) if entry.artifact == "bundle" else _single(entry)
    return ManifestApp(**origin, binaries=groups["binary"], libraries=groups["library"], bundles=groups["bundle"])


def _origin_fields(origin: Origin) -> dict[str, Any]:
    return {
        "version": origin.version,
        "requested": origin.requested,
        "used": origin.used,
        "why": origin.why,
        "phase": _or_unset(origin.phase),
        "source": ManifestSource(
            forge=origin.forge, repo=origin.repo, tag=origin.tag, commit=origin.commit, dirty=origin.dirty
        ),
        "build": _build(origin.build) if origin.build else UNSET,
    }


def _build(build: BuildInfo) -> ManifestBuild:
    return ManifestBuild(
        ref=build.ref,
        wrapper=build.wrapper,
        backend=_or_unset(build.backend),
        optimise=_or_unset(build.optimise),
        fingerprint=dict(build.fingerprint.parts),
    )


def _single(entry: InstalledArtifact) -> ManifestArtifact:
    (file,) = entry.files
    return ManifestArtifact(
        kind=_or_unset(entry.kind),
        install_only=entry.install_only or UNSET,
        path=file.path,
        sha256=file.sha256,
        size=file.size,
        mode=f"{file.mode:04o}",
        elf=_or_unset(entry.elf),
        **_provenance(entry),
    )


def _bundle(part: InstalledPart, entry: InstalledArtifact) -> ManifestBundle:
    files = {
        file.path: ManifestFile(sha256=file.sha256, size=file.size, mode=f"{file.mode:04o}") for file in entry.files
    }
    return ManifestBundle(**_origin_fields(part.origin), files=files, **_provenance(entry))


def _provenance(entry: InstalledArtifact) -> dict[str, Any]:
    return {
        "asset": entry.asset,
        "asset_id": entry.asset_id,
        "asset_sha256": entry.asset_sha256,
        "legacy_name": entry.legacy_name,
        "verified": entry.verified,
    }


def from_document(document: ManifestDocument) -> Generation:
    """Raises ValueError for an app without its origin, for a path that leaves the root, and for a digest or a mode that
    is none.
    """
    global _decoded
    check_texts(document.apps.values())
    apps = {name: (_parts(name, app), app) for name, app in document.apps.items()}
    _decoded = apps
    return Generation(
        document.generation,
        created=document.created,
        tool=document.tool,
        action=document.action,
        lock=_or_none(document.lock),
        records={part.id: part for parts, _ in apps.values() for part in parts},
        adopted=tuple(Adopted(path, form) for path, form in document.adopted.items()),
    )


def parts_of_app(name: str, app: ManifestApp) -> tuple[InstalledPart, ...]:
    """The parts of one app by its entry in a document. Raises ValueError as `from_document`."""
    check_texts((app,))
    return _parts(name, app)


def _parts(name: str, app: ManifestApp) -> tuple[InstalledPart, ...]:
    bundles = [
        InstalledPart(PartId(name, key), _origin(bundle), (_installed_bundle(key, bundle),))
        for key, bundle in app.bundles.items()
    ]
    if not (app.binaries or app.libraries):
        return tuple(bundles)
    programs = [_artifact(key, "binary", item) for key, item in app.binaries.items()]
    if app.libraries:
        programs += [_artifact(key, "library", item) for key, item in app.libraries.items()]
    return (InstalledPart(PartId(name), _app_origin(name, app), tuple(programs)), *bundles)


def _app_origin(name: str, app: ManifestApp) -> Origin:
    if UNSET in _origin_of(app):
        missing = next(field for field in ORIGIN if getattr(app, field) is UNSET)
        raise ValueError(f"Object missing required field `{missing}` - at `$.apps.{name}`")
    return _origin(cast("ManifestBundle", app))  # it has the same fields


def _origin(item: ManifestBundle) -> Origin:
    source = item.source
    return Origin(
        item.version,
        requested=item.requested,
        used=item.used,
        why=item.why,
        forge=source.forge,
        repo=source.repo,
        tag=source.tag,
        commit=source.commit,
        dirty=source.dirty,
        build=_build_info(item.build) if item.build is not UNSET else None,
        phase=None if item.phase is UNSET else item.phase,
    )


def _build_info(build: ManifestBuild) -> BuildInfo:
    return BuildInfo(
        build.ref,
        Fingerprint(tuple(build.fingerprint.items())),
        build.wrapper,
        backend=_or_none(build.backend),
        optimise=_or_none(build.optimise),
    )


def _artifact(name: str, artifact: Literal["binary", "library"], item: ManifestArtifact) -> InstalledArtifact:
    return InstalledArtifact(
        name,
        artifact=artifact,
        files=(_file(item.path, item),),
        kind=None if item.kind is UNSET else item.kind,
        asset=item.asset,
        asset_id=item.asset_id,
        asset_sha256=item.asset_sha256,
        legacy_name=item.legacy_name,
        verified=item.verified,
        elf=None if item.elf is UNSET else item.elf,
        install_only=item.install_only is True,
    )


def _installed_bundle(name: str, item: ManifestBundle) -> InstalledArtifact:
    return InstalledArtifact(
        name,
        artifact="bundle",
        files=tuple(_file(path, file) for path, file in item.files.items()),
        asset=item.asset,
        asset_id=item.asset_id,
        asset_sha256=item.asset_sha256,
        legacy_name=item.legacy_name,
        verified=item.verified,
    )


def _file(path: str, item: ManifestFile | ManifestArtifact) -> FileEntry:
    check_path(path)
    return FileEntry(path, sha256=item.sha256, size=item.size, mode=int(item.mode, 8))


def _or_unset(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value


def _or_none(value: T | UnsetType) -> T | None:
    return None if value is UNSET else value
