"""What a release says of its making: the build record and the manifest fragment, one of each for every job that builds.

`<app>-<what>.build.json`      where it was built, from which commit, with what; docs/schemas/build.schema.json
`<app>-<what>.manifest.json`   the app's entry as an install would put it into the manifest; audit and the cockpit read
                               it without a checkout

`what` is a platform, or a shard of the islands.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec import Struct, to_builtins

from hero_build import __version__
from hero_build.errors import BadForgeResponse
from hero_build.forge.protocol import Forge
from hero_build.forge.transfer import read_small
from hero_build.model.artifacts import Artifact, Binary, Library, WasmBundle
from hero_build.model.steps import Release
from hero_build.publish.types import ReleaseFile

BUILD, FRAGMENT = ".build.json", ".manifest.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ASK = "Tell whoever published the release; `hero-build publish` writes such a file."


class Runner(Struct, frozen=True):
    """The machine that built: `name` and `url` (of the run) are a CI's own words, empty on a person's machine."""

    system: str
    name: str = ""
    url: str = ""


class Made(Struct, frozen=True):
    """A file of the build: its asset, lower-case hex sha256, and bytes."""

    asset: str
    sha256: str
    size: int


class BuildRecord(Struct, frozen=True):
    """`lock` is the sha256 of Cargo.lock, None without one; `fingerprint` that of the build, empty for none."""

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
    made: tuple[Made, ...]
    tool: str = f"hero-build {__version__}"


def record_name(app: str, what: str) -> str:
    return f"{app}-{what}{BUILD}"


def fragment_name(app: str, what: str) -> str:
    return f"{app}-{what}{FRAGMENT}"


def runner(environ: Mapping[str, str], system: str) -> Runner:
    """This machine, as the variables of a workflow's job name it; a person's machine stays nameless."""
    server, repo, run = (environ.get(f"GITHUB_{key}", "") for key in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    url = f"{server}/{repo}/actions/runs/{run}" if server and repo and run else ""
    return Runner(system, environ.get("RUNNER_NAME", "") if url else "", url)


def made(files: Iterable[ReleaseFile]) -> tuple[Made, ...]:
    return tuple(Made(item.name, item.sha256, item.size) for item in files)


def encode(record: BuildRecord) -> bytes:
    return json.dumps({"schema": 1, **to_builtins(record)}, indent=2).encode() + b"\n"


def decode(content: bytes, name: str) -> BuildRecord:
    """The record in the file `name`; keys that are not known are left out. Raises BadForgeResponse for what is none."""
    try:
        told = json.loads(content)
        if told["schema"] != 1:
            raise ValueError(f"its schema is {told['schema']!r}")
        runs = Runner(**_strings(told["runner"], Runner))
        files = tuple(_made(item) for item in told["made"])
        lock = told["lock"]
        words = _strings({**told, "runner": "", "made": "", "dirty": "", "lock": ""}, BuildRecord)
        known = {**words, "runner": runs, "made": files, "dirty": told["dirty"] is True, "lock": lock and str(lock)}
        return BuildRecord(**cast("Any", known))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadForgeResponse(f"{name} is no build record: {type(error).__name__}: {error}", _ASK) from error


def read_records(forge: Forge, release: Release) -> tuple[BuildRecord, ...]:
    """The records of a release, by name. Raises BadForgeResponse, NetworkError, AuthError."""
    found = sorted((asset for asset in release.assets if asset.name.endswith(BUILD)), key=lambda asset: asset.name)
    return tuple(decode(read_small(forge, asset), asset.name) for asset in found)


def fragment(record: BuildRecord, forge: str, items: Iterable[tuple[Artifact, ReleaseFile]]) -> bytes:
    """The app's entry of a manifest, in the manifest's own shape, for what this build made."""
    entry: dict[str, Any] = {
        "version": record.tag,
        "source": {
            "forge": forge,
            "repo": record.repo,
            "tag": record.tag,
            "commit": record.commit,
            "dirty": record.dirty,
        },
        "binaries": {},
        "libraries": {},
        "bundles": {},
    }
    for artifact, item in items:
        told = {"asset": item.name, "sha256": item.sha256, "size": item.size}
        match artifact:
            case Binary(name=name, kind=kind, install_only=only):
                entry["binaries"][name] = {"kind": kind, "path": f"bin/{name}", "install_only": only, **told}
            case Library(name=name):
                entry["libraries"][name] = {"path": f"lib/{name}", **told}
            case WasmBundle(name=name):
                entry["bundles"][name] = told
    return json.dumps({"schema": 1, "platform": record.what, "apps": {record.app: entry}}, indent=2).encode() + b"\n"


def _strings(told: Mapping[str, Any], kind: type[BuildRecord] | type[Runner]) -> dict[str, str]:
    names = kind.__struct_fields__
    if odd := [name for name in names if not isinstance(told[name], str)]:
        raise ValueError(f"{odd[0]} is {told[odd[0]]!r}")
    return {name: told[name] for name in names}


def _made(item: Mapping[str, Any]) -> Made:
    if not (_SHA256.fullmatch(item["sha256"]) and isinstance(item["asset"], str) and isinstance(item["size"], int)):
        raise ValueError(f"it lists {str(item)[:80]}")
    return Made(item["asset"], item["sha256"], item["size"])
