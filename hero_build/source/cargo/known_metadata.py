"""The output of `cargo metadata`, kept while nothing that it depends on changes: a call takes 20 ms of each build.

It follows from manifests, cargo's configuration, and which files exist; an edit of a source changes none of them. The
fingerprint of the build covers what git knows of the checkout; manifests that git ignores, or that lie elsewhere, are
compared themselves. A file that changed while cargo ran is not kept, since it is not clear what cargo has read.
"""

import hashlib
import json
import os
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hero_build.model.installed import BuildInfo
from hero_build.model.steps import CargoJob
from hero_build.os_errors import raise_for_machine
from hero_build.source.cargo.metadata import CargoMetadata, cargo_metadata, decode_metadata
from hero_build.source.content_digest import content_digest
from hero_build.source.fingerprint import without_sources
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import convert, decode_json
from hero_build.system.regular_file import read_regular

_FORMAT_VERSION = "1"  # goes up when what the answers depend on is found in another way
_PARTS = ("commit", "worktree", "lock", "toolchain", "environment", "configuration")
_VARIABLES = ("CARGO", "RUST")
_TICK = 50_000_000  # ns: how far a file system's clock may be behind
_LARGEST_FILE = 64 << 20  # bytes


class MetadataMemory(Struct, frozen=True):
    """Where answers are kept, and for which state of a checkout."""

    folder: Path
    state: str


class _Known(Struct, frozen=True):
    """An answer: `manifests` has a digest of each that it is made of."""

    key: str
    manifests: dict[str, str]
    text: str


class _Members(Struct, frozen=True):
    members: tuple[Any, ...]


class _Manifest(Struct, frozen=True):
    """Cargo.toml of a workspace (The Cargo Book, Workspaces)."""

    workspace: _Members


def memory(job: CargoJob, build: BuildInfo | None, env: Mapping[str, str], cache: Path) -> MetadataMemory | None:
    """The memory for a build; None where the state of its checkout is not known."""
    if build is None or job.tree.changes is None:
        return None
    parts = dict(without_sources(build.fingerprint, job.tree).parts)
    words = [_FORMAT_VERSION, *(f"{name} {parts.get(name, '')}" for name in _PARTS)]
    words += [f"{name}={value}" for name, value in sorted(env.items()) if name.startswith(_VARIABLES)]
    return MetadataMemory(cache / "metadata", _digest_of(words))


def known_metadata(
    folder: Path,
    env: Mapping[str, str],
    memory: MetadataMemory | None,
    cancelled: Callable[[], bool] | None = None,
) -> CargoMetadata:
    """As `cargo_metadata`, from the memory where that has it."""
    if memory is None:
        return decode_metadata(cargo_metadata(folder, env, cancelled), folder)
    file = memory.folder / f"{_digest_of([str(folder)])[:16]}.json"
    key = _digest_of([memory.state, *(f"{path} {content_digest(path)}" for path in manifests(folder))])
    if (answer := _recall(file, key)) is not None:
        return answer
    started = time.time_ns()
    text = cargo_metadata(folder, env, cancelled)
    metadata = decode_metadata(text, folder)
    _keep(file, key, text=text, metadata=metadata, started=started)
    return metadata


def manifests(folder: Path) -> Iterator[Path]:
    """Of the workspace, of everything that its `members` may match, and of a possible workspace around it."""
    for parent in (folder, *folder.parents):
        yield parent / "Cargo.toml"
    for pattern in _member_patterns(folder / "Cargo.toml"):
        with suppress(ValueError):  # cargo reports an invalid pattern
            yield from sorted(folder.glob(f"{pattern}/Cargo.toml"))


def _member_patterns(manifest: Path) -> list[str]:
    """`workspace.members`; empty where there is none that can be read: cargo reports the error."""
    try:
        document = convert(tomllib.loads(manifest.read_text(encoding="utf-8")), kind=_Manifest)
    except (OSError, ValueError) as error:
        raise_for_machine(error, manifest)
        return []
    patterns = (str(member).strip("/") for member in document.workspace.members)
    return [pattern for pattern in patterns if pattern]


def _recall(file: Path, key: str) -> CargoMetadata | None:
    try:
        known = decode_json(read_regular(file, _LARGEST_FILE), kind=_Known)
        if known.key != key or any(content_digest(Path(path)) != content for path, content in known.manifests.items()):
            return None
        return decode_json(known.text, kind=CargoMetadata)
    except (OSError, ValueError):
        return None


def _keep(file: Path, key: str, text: str, metadata: CargoMetadata, started: int) -> None:
    """Best effort: without it, cargo is asked once more."""
    paths = {f"{metadata.workspace_root}/Cargo.toml", *(package.manifest_path for package in metadata.packages)}
    with suppress(OSError, UnicodeEncodeError):  # the latter: a path that is not UTF-8
        known = _Known(key, {path: content_digest(Path(path)) for path in sorted(paths)}, text)
        if any(os.stat(path).st_ctime_ns > started - _TICK for path in paths):
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, msgspec.json.encode(known), mode=0o600)


def _digest_of(words: list[str]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()
