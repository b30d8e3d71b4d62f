"""What a build of bundles will use and make, before anything is built: the tools, the names, the fingerprint.

A build with nothing to do needs no more than this, so this module imports nothing that builds.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hero_build.model.installed import Backend, Fingerprint
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import build
from hero_build.source.cargo.known_metadata import manifests
from hero_build.source.content_digest import content_digest
from hero_build.source.fingerprint import without_sources
from hero_build.source.wasm import TARGET
from hero_build.source.wasm import toolchain as wasm_toolchain
from hero_build.source.wasm.toolchain import Tool
from hero_build.system.file_cache import cached

if TYPE_CHECKING:
    from hero_build.source.wasm.types import Crate

_FORMAT_VERSION = "2"  # goes up when the rules for the bundles of a tree change


def discover(job: CargoJob) -> tuple[str, ...]:
    """The names of the bundles that the job's programs name (all of the tree, if it names none), sorted.

    Where the job's Cargo names packages, only theirs. Raises BundleNotFound, BuildError (the workspace cannot be
    read, or two of its libraries have one name), UnsafeName, MissingTool.
    """
    return tuple(crate.name for crate in crates(job))


def crates(job: CargoJob) -> "tuple[Crate, ...]":
    """As `discover`, as crates."""
    from hero_build.source.wasm import workspace

    members = workspace.discover(job.folder, environment(job), job.cargo.packages)
    return workspace.choose(members, job.programs)


def bundle_names(job: CargoJob, fingerprint: Fingerprint, cache: Path) -> tuple[str, ...]:
    """As `discover`, from `cache` (a folder) if nothing has changed but what sources hold.

    The manifests count beside the fingerprint for members that git ignores, and for a workspace in a folder above.
    """
    key = _cache_key(job, fingerprint)
    names = cached(
        cache / "bundles.json",
        key=key,
        ask=lambda: " ".join(discover(job)),
        still=lambda: _cache_key(job, fingerprint) == key,
    )
    return tuple(names.split())


def check_toolchain(job: CargoJob, cache: Path, backend: Backend) -> tuple[Tool, ...]:
    """The tools for a job. Raises MissingTool, one error for all problems, and BuildError without a lock file."""
    folder = job.folder
    tools = wasm_toolchain.detect_tools(
        folder,
        bindgen=wasm_toolchain.locked_wasm_bindgen(folder),
        env=environment(job),
        cache=cache,
        backend=backend,
        optimise=job.optimise,
    )
    wasm_toolchain.require_tools(tools)
    return tools


def environment(job: CargoJob) -> dict[str, str]:
    """The environment for the tools of a job; the workspaces of a checkout share a target folder."""
    env = wasm_toolchain.environment(build.environment(job))
    if job.shared_target is not None:
        return {**env, "CARGO_TARGET_DIR": str(job.shared_target)}
    shared = {"CARGO_TARGET_DIR": str(job.tree.path / "target")} if job.workspaces else {}
    return {**shared, **env}


def with_bundle_tools(fingerprint: Fingerprint, tools: Sequence[Tool], job: CargoJob) -> Fingerprint:
    """The fingerprint of a job of bundles: with its backend and options, and the versions of the tools beside cargo."""
    words = (job.backend or "direct", *(() if job.optimise else ("--no-opt",)))
    versions = (f"{tool.name} {tool.version}" for tool in tools if tool.name != TARGET)
    return Fingerprint((*fingerprint.parts, ("bundles", " ".join((*words, *versions)))))


def _cache_key(job: CargoJob, fingerprint: Fingerprint) -> str:
    contents = [f"{path} {content_digest(path)}" for path in manifests(job.folder)]
    parts = without_sources(fingerprint, job.tree).parts
    words = [_FORMAT_VERSION, str(job.folder), job.programs, job.cargo.packages, parts, contents]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()
