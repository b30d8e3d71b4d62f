"""manifest.json: what a root holds, and where each part of it came from (schema: docs/manifest.schema.json).

    from hero_build import manifest
    manifest.load(Path("~/hero").expanduser()).records

Light on purpose: any consumer may import this module. A reader that wants a consistent set resolves `current` once
(`current(root)`) and reads content through that folder, never path by path through `<root>/bin`.
"""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hero_build import STATE
from hero_build.errors import RootDamaged
from hero_build.model.installed import (
    Adopted,
    BuildInfo,
    Elf,
    FileEntry,
    Fingerprint,
    Generation,
    InstalledArtifact,
    InstalledPart,
    Origin,
    PartId,
)

SCHEMA = 1
_GROUPS = {"binaries": "binary", "libraries": "library", "bundles": "bundle"}


def current(root: Path) -> Path | None:
    """The folder of the committed generation, resolved once; None before the first commit."""
    link = root / STATE / "current"
    try:
        return link.parent / os.readlink(link)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:
            how, hint = "is not the link it should be", "Run `hero-build history`, then `hero-build rollback N`."
        else:
            how, hint = f"cannot be read: {error.strerror}", "Mend its permissions, or name another root with --root."
        raise RootDamaged(f"{link} {how}", hint) from error


def load(root: Path) -> Generation:
    """What is installed in `root`: generation 0 where nothing is. Raises RootDamaged."""
    folder = current(root)
    return Generation(0) if folder is None or folder.name == "0" else read(folder)


def read(folder: Path) -> Generation:
    """The manifest of one generation's folder. Raises RootDamaged."""
    path = folder / "manifest.json"
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    return decode(document, path)


def dump(generation: Generation) -> str:
    """The document as it is written: stable order, two-space indent, newline at the end."""
    return json.dumps(encode(generation), indent=2, ensure_ascii=False) + "\n"


def encode(generation: Generation) -> dict[str, Any]:
    apps: dict[str, dict[str, Any]] = {}
    for part_id in sorted(generation.records, key=_order):
        record = generation.records[part_id]
        app = apps.setdefault(part_id.app, {})
        if part_id.bundle is None:
            app |= _origin(record.origin)
        for key in _GROUPS:
            app.setdefault(key, {})
        for entry in record.entries:
            if entry.artifact == "bundle":
                app["bundles"][entry.name] = _origin(record.origin) | _bundle(entry)
            else:
                app["binaries" if entry.artifact == "binary" else "libraries"][entry.name] = _single(entry)
    return {
        "schema": SCHEMA,
        "generation": generation.number,
        "created": generation.created,
        "tool": generation.tool,
        "action": generation.action,
        "apps": apps,
        "adopted": {item.path: item.form for item in generation.adopted},
    }


def decode(document: object, path: Path) -> Generation:
    """The value of a document read from `path`. Raises RootDamaged with the place that does not fit."""
    try:
        if not isinstance(document, dict) or "schema" not in document:
            raise _Unfit("it has no schema number")
        _schema(document["schema"])
        records = (record for name, app in _map(document, "apps").items() for record in _records(name, app))
        return Generation(
            _of(document, "generation", int),
            created=_of(document, "created", str),
            tool=_of(document, "tool", str),
            action=_of(document, key="action", kind=str, default=""),
            records={record.id: record for record in records},
            adopted=tuple(Adopted(key, form) for key, form in _map(document, "adopted", {}).items()),
        )
    except _Unfit as error:
        raise _damaged(path, str(error)) from error


class _Unfit(Exception):
    """Where and how a document departs from the schema."""


def _damaged(path: Path, why: str) -> RootDamaged:
    hint = "`hero-build history` lists the generations that can be read; `hero-build rollback N` returns to one."
    return RootDamaged(f"{path} cannot be read as a manifest: {why}", hint)


def _schema(number: object) -> None:
    if number == SCHEMA:
        return
    newer = isinstance(number, int) and number > SCHEMA
    by = "a newer hero-build wrote it" if newer else "no hero-build that was released wrote it"
    raise _Unfit(f"schema {number!r} is not {SCHEMA}, {by}")


def _order(part: PartId) -> tuple[str, str]:
    return part.app, part.bundle or ""


def _origin(origin: Origin) -> dict[str, Any]:
    source = {key: getattr(origin, key) for key in ("forge", "repo", "tag", "commit", "dirty")}
    head = {key: getattr(origin, key) for key in ("version", "requested", "used", "why")}
    return head | {"source": source} | ({"build": _build(origin.build)} if origin.build else {})


def _build(build: BuildInfo) -> dict[str, Any]:
    return {"ref": build.ref, "wrapper": build.wrapper, "fingerprint": dict(build.fingerprint.parts)}


def _single(entry: InstalledArtifact) -> dict[str, Any]:
    file = entry.files[0]
    kind = {"kind": entry.kind} if entry.kind else {}
    elf = (
        {"elf": {"machine": entry.elf.machine, "libc": entry.elf.libc, "static": entry.elf.static}} if entry.elf else {}
    )
    return kind | {"path": file.path} | _file(file) | _provenance(entry) | elf


def _bundle(entry: InstalledArtifact) -> dict[str, Any]:
    return {"files": {file.path: _file(file) for file in entry.files}} | _provenance(entry)


def _file(file: FileEntry) -> dict[str, Any]:
    return {"sha256": file.sha256, "size": file.size, "mode": f"{file.mode:04o}"}


def _provenance(entry: InstalledArtifact) -> dict[str, Any]:
    return {
        "asset": entry.asset,
        "asset_id": entry.asset_id,
        "asset_sha256": entry.asset_sha256,
        "legacy_name": entry.legacy_name,
        "verified": list(entry.verified),
    }


def _records(name: str, app: object) -> list[InstalledPart]:
    if not isinstance(app, dict):
        raise _Unfit(f"apps.{name} is not an object")
    found = []
    singles = [
        _entry(key, kind, value)
        for group, kind in (("binaries", "binary"), ("libraries", "library"))
        for key, value in _map(app, group).items()
    ]
    if singles:
        found.append(InstalledPart(PartId(name), _read_origin(app), tuple(singles)))
    for key, value in _map(app, "bundles").items():
        found.append(InstalledPart(PartId(name, key), _read_origin(value), (_entry(key, "bundle", value),)))
    return found


def _read_origin(app: Mapping[str, Any]) -> Origin:
    source = _map(app, "source")
    return Origin(
        _of(app, "version", str),
        requested=_of(app, "requested", str),
        used=_of(app, "used", str),
        why=_of(app, "why", str),
        forge=_of(source, "forge", str),
        repo=_of(source, "repo", str),
        tag=_of(source, "tag", (str, type(None))),
        commit=_of(source, "commit", (str, type(None))),
        dirty=_of(source, "dirty", (bool, type(None))),
        build=_read_making(app["build"]) if "build" in app else None,
    )


def _read_making(value: Mapping[str, Any]) -> BuildInfo:
    parts = _map(value, "fingerprint")
    return BuildInfo(
        _of(value, "ref", str),
        Fingerprint(tuple((name, _of(parts, name, str)) for name in parts)),
        _of(value, "wrapper", str),
    )


def _entry(name: str, artifact: Any, value: Mapping[str, Any]) -> InstalledArtifact:
    if artifact == "bundle":
        files = tuple(_read_file(key, file) for key, file in _map(value, "files").items())
    else:
        files = (_read_file(_of(value, "path", str), value),)
    elf = value.get("elf")
    return InstalledArtifact(
        name,
        artifact=artifact,
        files=files,
        kind=value.get("kind"),
        asset=_of(value, "asset", (str, type(None))),
        asset_id=_of(value, key="asset_id", kind=str, default=""),
        asset_sha256=_of(value, key="asset_sha256", kind=(str, type(None)), default=None),
        legacy_name=_of(value, key="legacy_name", kind=bool, default=False),
        verified=tuple(_of(value, "verified", list)),
        elf=Elf(_of(elf, "machine", str), _of(elf, "libc", str), _of(elf, "static", bool)) if elf else None,
    )


def _read_file(path: str, value: Mapping[str, Any]) -> FileEntry:
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise _Unfit(f"the path {path!r} leaves the root")
    mode = _of(value, "mode", str)
    try:
        return FileEntry(path, sha256=_of(value, "sha256", str), size=_of(value, "size", int), mode=int(mode, 8))
    except ValueError as error:
        raise _Unfit(f"{path} has the mode {mode!r}") from error


_REQUIRED = object()


def _of(value: Mapping[str, Any], key: str, kind: Any, default: Any = _REQUIRED) -> Any:
    if not isinstance(value, dict):
        raise _Unfit(f"an object with {key!r} was expected")
    got = value.get(key, default)
    if got is _REQUIRED:
        raise _Unfit(f"{key!r} is missing")
    if not isinstance(got, kind):
        raise _Unfit(f"{key!r} is {got!r}")
    return got


def _map(value: Mapping[str, Any], key: str, default: Any = _REQUIRED) -> dict[str, Any]:
    result: dict[str, Any] = _of(value, key=key, kind=dict, default=default)
    return result
