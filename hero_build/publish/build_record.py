"""What describes a build in its release: the build record (format: forge/build_record.py) and the manifest fragment.

`<app>-<what>.manifest.json`   the app's entry as an install would write it into the manifest; `audit` and the cockpit
                               read it without a checkout

Each job uploads one of each; `what` is a platform, or a shard of the islands.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct, to_builtins

from hero_build import __version__
from hero_build.forge.build_record import BuildRecord, BuiltFile, Runner
from hero_build.model.artifacts import Artifact, Binary, Library, WasmBundle
from hero_build.model.installed import Kind
from hero_build.model.manifest_document import ManifestSource
from hero_build.publish.types import ReleaseFile

FRAGMENT = ".manifest.json"
TOOL = f"hero-build {__version__}"


class FragmentBinary(Struct, frozen=True):
    kind: Kind
    path: str
    install_only: bool
    asset: str
    sha256: str
    size: int


class FragmentLibrary(Struct, frozen=True):
    path: str
    asset: str
    sha256: str
    size: int


class FragmentApp(Struct, frozen=True):
    version: str
    source: ManifestSource
    binaries: dict[str, FragmentBinary]
    libraries: dict[str, FragmentLibrary]
    bundles: dict[str, BuiltFile]


class FragmentDocument(Struct, frozen=True):
    """The fields of a manifest that a build knows; `platform` is the job's `what`."""

    schema: Literal[1]
    platform: str
    apps: dict[str, FragmentApp]


def runner(environ: Mapping[str, str], system: str) -> Runner:
    """This machine, as the variables of a workflow's job name it; outside of CI only its `system`."""
    server, repo, run = (environ.get(f"GITHUB_{key}", "") for key in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    url = f"{server}/{repo}/actions/runs/{run}" if server and repo and run else ""
    return Runner(system, environ.get("RUNNER_NAME", "") if url else "", url)


def built_files(files: Iterable[ReleaseFile]) -> tuple[BuiltFile, ...]:
    return tuple(_built_file(file) for file in files)


def fragment(record: BuildRecord, forge: str, items: Iterable[tuple[Artifact, ReleaseFile]]) -> bytes:
    """The manifest fragment of a build, as JSON; `forge` is the address it is published to."""
    source = ManifestSource(forge, repo=record.repo, tag=record.tag, commit=record.commit, dirty=record.dirty)
    app = FragmentApp(record.tag, source=source, binaries={}, libraries={}, bundles={})
    for artifact, file in items:
        _add(app, artifact, _built_file(file))
    document = FragmentDocument(1, record.what, {record.app: app})
    return json.dumps(to_builtins(document), indent=2).encode() + b"\n"


def _add(app: FragmentApp, artifact: Artifact, file: BuiltFile) -> None:
    asset, digest, size = file.asset, file.sha256, file.size
    match artifact:
        case Binary(name=name, kind=kind, install_only=only):
            app.binaries[name] = FragmentBinary(
                kind, path=f"bin/{name}", install_only=only, asset=asset, sha256=digest, size=size
            )
        case Library(name=name):
            app.libraries[name] = FragmentLibrary(f"lib/{name}", asset=asset, sha256=digest, size=size)
        case WasmBundle(name=name):
            app.bundles[name] = file


def _built_file(file: ReleaseFile) -> BuiltFile:
    return BuiltFile(file.name, file.sha256, file.size)
