"""The build record of a release, `<app>-<what>.build.json`: where its files were built, from which commit, with what.

`what` is a platform, or a shard of the islands. The format is docs/schemas/build.schema.json.
"""

import json
from typing import Annotated, Literal

from msgspec import Meta, Struct, to_builtins

from hero_build.forge.json_decode import Sha256, decode_json
from hero_build.forge.protocol import Forge
from hero_build.forge.transfer import read_small
from hero_build.model.steps import Release

SCHEMA, SUFFIX = 1, ".build.json"
_Commit = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9a-f]{40}$"})]
_Size = Annotated[int, Meta(extra_json_schema={"minimum": 1})]
"""What `hero-build publish` writes; readers accept more."""
_HINT = "Report it to the publisher of the release; `hero-build publish` writes valid build records."


class Runner(Struct, frozen=True):
    """The machine that built: `system` is its uname; `name` and `url` (of the run) come from a CI, else are empty."""

    system: str
    name: str
    url: str


class BuiltFile(Struct, frozen=True):
    """A file of the build: its asset, its digest, and its size in bytes."""

    asset: str
    sha256: Sha256
    size: _Size


class BuildRecord(Struct, frozen=True):
    """Where the files in `made` were built, from which commit, with what; `what` is a platform or a shard of islands.

    `lock` is the sha256 of Cargo.lock (of several workspaces: of their lock files, one after the other, in the order of
    their folders), None without one; `fingerprint` is empty for files built elsewhere.
    """

    app: str
    repo: str
    tag: str
    what: str
    commit: _Commit
    dirty: Annotated[bool, Meta(description="built with changes that are in no commit (--allow-dirty)")]
    toolchain: Annotated[str, Meta(description="the first line of `rustc -vV`")]
    lock: str | None
    fingerprint: str
    runner: Runner
    made: tuple[BuiltFile, ...]
    tool: str


class RecordHeader(Struct, frozen=True):
    """The first field of the document."""

    schema: Annotated[Literal[1], Meta(description="the version of the document's format")]


def record_name(app: str, what: str) -> str:
    return f"{app}-{what}{SUFFIX}"


def encode(record: BuildRecord) -> bytes:
    return json.dumps({"schema": SCHEMA, **to_builtins(record)}, indent=2).encode() + b"\n"


def decode(content: bytes, name: str) -> BuildRecord:
    """The record in the file `name`. Raises BadForgeResponse."""
    what = f"the build record {name}"
    decode_json(content, kind=RecordHeader, what=what, hint=_HINT)
    return decode_json(content, kind=BuildRecord, what=what, hint=_HINT)


def read_records(forge: Forge, release: Release) -> tuple[BuildRecord, ...]:
    """The records of a release, sorted by asset name. Raises BadForgeResponse, NetworkError, AuthError."""
    assets = sorted((asset for asset in release.assets if asset.name.endswith(SUFFIX)), key=lambda asset: asset.name)
    return tuple(decode(read_small(forge, asset), asset.name) for asset in assets)
