"""What a build of bundles would be, before anything is built: the toolchain, the names, what its result rests on.

A build with nothing to do comes no further, so that nothing that builds is imported here.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hero_build.model.installed import Backend, Fingerprint
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import build
from hero_build.source.wasm import TARGET
from hero_build.source.wasm import toolchain as wasm_toolchain
from hero_build.source.wasm.toolchain import Tool
from hero_build.system.file_cache import cached

if TYPE_CHECKING:
    from hero_build.source.wasm.types import Crate

_FORMAT_VERSION = "1"  # goes up when a tree may get other bundles


def discover(job: CargoJob) -> tuple[str, ...]:
    """The names of the bundles of a tree that the job's programs name (all, if it names none), in order.

    Of the packages alone that its Cargo names, if it does. Raises BundleNotFound, BuildError (the workspace cannot
    be read, or two of its libraries share a name), UnsafeName, MissingTool.
    """
    return tuple(crate.name for crate in crates(job))


def crates(job: CargoJob) -> "tuple[Crate, ...]":
    """The same as crates."""
    from hero_build.source.wasm import workspace

    known = workspace.discover(job.tree.path, environment(job), job.cargo.packages)
    return workspace.choose(known, job.programs)


def bundle_names(job: CargoJob, rests_on: Fingerprint, cache: Path) -> tuple[str, ...]:
    """The same as `discover`, from `cache` (a folder) if neither what a build rests on nor a manifest has changed.

    Manifests are looked at beside the fingerprint for members that git ignores, and for a workspace further up.
    """
    key = _cache_key(job, rests_on)
    told = cached(
        cache / "bundles.json",
        key=key,
        ask=lambda: " ".join(discover(job)),
        still=lambda: _cache_key(job, rests_on) == key,
    )
    return tuple(told.split())


def check_toolchain(job: CargoJob, cache: Path, backend: Backend) -> tuple[Tool, ...]:
    """The toolchain for a job. Raises MissingTool, one for all that is amiss, and BuildError without a lock file."""
    tree = job.tree.path
    found = wasm_toolchain.detect_tools(
        tree,
        wanted=wasm_toolchain.locked_wasm_bindgen(tree),
        env=environment(job),
        cache=cache,
        backend=backend,
        optimise=job.optimise,
    )
    wasm_toolchain.require_tools(found)
    return found


def environment(job: CargoJob) -> dict[str, str]:
    """What the tools of a job are started with."""
    return wasm_toolchain.environment(build.environment(job))


def with_bundle_tools(fingerprint: Fingerprint, toolchain: Sequence[Tool], job: CargoJob) -> Fingerprint:
    """The fingerprint of a job of bundles, with what makes them and the versions of the tools beside cargo."""
    how = (job.backend or "direct", *(() if job.optimise else ("--no-opt",)))
    words = (*how, *(f"{tool.name} {tool.found}" for tool in toolchain if tool.name != TARGET))
    return Fingerprint((*fingerprint.parts, ("bundles", " ".join(words))))


def _cache_key(job: CargoJob, rests_on: Fingerprint) -> str:
    manifests = [f"{path} {_digest(path)}" for path in _manifests(job.tree.path)]
    words = [_FORMAT_VERSION, str(job.tree.path), job.programs, job.cargo.packages, rests_on.parts, manifests]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def _manifests(folder: Path) -> Iterator[Path]:
    """Of the workspace, of all that its `members` may mean, and of what may be a workspace around it."""
    for parent in (folder, *folder.parents):
        yield parent / "Cargo.toml"
    for pattern in _member_patterns(folder / "Cargo.toml"):
        with suppress(ValueError):  # what is no pattern, cargo is to complain of
            yield from sorted(folder.glob(f"{pattern}/Cargo.toml"))


def _member_patterns(manifest: Path) -> list[str]:
    try:
        told: dict[str, Any] = tomllib.loads(manifest.read_text(encoding="utf-8"))
        members = [str(member).strip("/") for member in told["workspace"]["members"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [member for member in members if member]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "absent"
