"""The build record of a release, `<app>-<what>.build.json`: where its files were built, from which commit, with what.

`what` is a platform, or a shard of the islands. The format is docs/schemas/build.schema.json.
"""

import json
from typing import Literal

from msgspec import Struct, to_builtins

from hero_build.forge.json_decode import Sha256, decode_json
from hero_build.forge.protocol import Forge
from hero_build.forge.transfer import read_small
from hero_build.model.steps import Release

SCHEMA, SUFFIX = 1, ".build.json"
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
    size: int


class BuildRecord(Struct, frozen=True):
    """`lock` is the sha256 of Cargo.lock, None without one; `fingerprint` is empty for files built elsewhere."""

    app: str
    repo: str
    tag: str
    what: str
    commit: str
    dirty: bool
    toolchain: str
    lock: str | None
    fingerprint: str
    runner: Runner
    made: tuple[BuiltFile, ...]
    tool: str


class _Header(Struct, frozen=True):
    schema: Literal[1]


def record_name(app: str, what: str) -> str:
    return f"{app}-{what}{SUFFIX}"


def encode(record: BuildRecord) -> bytes:
    return json.dumps({"schema": SCHEMA, **to_builtins(record)}, indent=2).encode() + b"\n"


def decode(content: bytes, name: str) -> BuildRecord:
    """The record in the file `name`. Raises BadForgeResponse."""
    what = f"the build record {name}"
    decode_json(content, kind=_Header, what=what, hint=_HINT)
    return decode_json(content, kind=BuildRecord, what=what, hint=_HINT)


def read_records(forge: Forge, release: Release) -> tuple[BuildRecord, ...]:
    """The records of a release, sorted by asset name. Raises BadForgeResponse, NetworkError, AuthError."""
    assets = sorted((asset for asset in release.assets if asset.name.endswith(SUFFIX)), key=lambda asset: asset.name)
    return tuple(decode(read_small(forge, asset), asset.name) for asset in assets)
