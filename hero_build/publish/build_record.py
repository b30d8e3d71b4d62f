"""Making what describes a build in its release: the build record (its format: forge/build_record.py), and the fragment.

`<app>-<what>.manifest.json`   the app's entry as an install would write it into the manifest; audit and the cockpit
                               read it without a checkout

Each job that builds adds one of each; `what` is a platform, or a shard of the islands.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hero_build import __version__
from hero_build.forge.build_record import BuildRecord, BuiltFile, Runner
from hero_build.model.artifacts import Artifact, Binary, Library, WasmBundle
from hero_build.publish.types import ReleaseFile

FRAGMENT = ".manifest.json"
TOOL = f"hero-build {__version__}"


def runner(environ: Mapping[str, str], system: str) -> Runner:
    """This machine, as the variables of a workflow's job name it; a person's machine stays nameless."""
    server, repo, run = (environ.get(f"GITHUB_{key}", "") for key in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    url = f"{server}/{repo}/actions/runs/{run}" if server and repo and run else ""
    return Runner(system, environ.get("RUNNER_NAME", "") if url else "", url)


def built_files(files: Iterable[ReleaseFile]) -> tuple[BuiltFile, ...]:
    return tuple(BuiltFile(item.name, item.sha256, item.size) for item in files)


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
        file = {"asset": item.name, "sha256": item.sha256, "size": item.size}
        match artifact:
            case Binary(name=name, kind=kind, install_only=only):
                entry["binaries"][name] = {"kind": kind, "path": f"bin/{name}", "install_only": only, **file}
            case Library(name=name):
                entry["libraries"][name] = {"path": f"lib/{name}", **file}
            case WasmBundle(name=name):
                entry["bundles"][name] = file
    return json.dumps({"schema": 1, "platform": record.what, "apps": {record.app: entry}}, indent=2).encode() + b"\n"
