"""The story of a WASM build: tools → crates → groups → cargo → wasm-bindgen and wasm-opt beside it → a folder each."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from hero_build.errors import machine_errors
from hero_build.model import Job
from hero_build.record import Fingerprint
from hero_build.source import cargo
from hero_build.source.wasm import members, shelf, tools
from hero_build.source.wasm.bundle import Finisher, finish
from hero_build.source.wasm.compile import Call, compile_group
from hero_build.source.wasm.features import Asker, features
from hero_build.source.wasm.groups import groups
from hero_build.source.wasm.nouns import TARGET, Backend, Broken, Crate, Place, Result, Watch
from hero_build.source.wasm.pool import Pool, pool
from hero_build.source.wasm.tools import Tool
from hero_build.source.wasm.wasmpack import pack


def discover(job: Job) -> tuple[str, ...]:
    """The names of the bundles of a tree that the job's programs name (all, if it names none), in order.

    Of the packages alone that its Cargo names, if it does. Raises BundleNotFound, BuildError (the workspace cannot
    be read, or two of its libraries share a name), UnsafeName, MissingTool.
    """
    return tuple(crate.name for crate in crates(job))


def crates(job: Job) -> tuple[Crate, ...]:
    """The same as crates."""
    known = members.discover(job.tree.path, environment(job), job.cargo.packages)
    return members.choose(known, job.programs)


def check(job: Job, cache: Path, backend: Backend) -> tuple[Tool, ...]:
    """The toolchain for a job. Raises MissingTool, one for all that is amiss, and BuildError without a lock file."""
    found = look(job, cache, backend)
    tools.require(found)
    return found


def build(job: Job, backend: Backend, place: Place, watch: Watch) -> tuple[Result, ...]:
    """Build the bundles that `job.programs` names (all, if it names none), in the order of their names.

    A bundle that cannot be made is a Broken; the others are made all the same. Raises what none of them is to blame
    for: MissingTool (all that is missing, at once, before anything is built), BuildError, BundleNotFound, DiskFull,
    process.Cancelled.
    """
    env = environment(job)
    wanted = tools.wanted(job.tree.path)
    found = tools.look(job.tree.path, wanted, env, place.cache, backend)
    tools.require(found)
    known = members.discover(job.tree.path, env, job.cargo.packages)
    crates = members.choose(known, job.programs)
    with machine_errors(place.out), pool(watch.cancelled) as workers:
        for folder in (place.out, place.logs, place.cache):
            folder.mkdir(parents=True, exist_ok=True)
        call = Call(known.folder, job.cargo, env, place.logs, watch.compiling, watch.cancelled)
        by = Finisher(place, env, _versions(found), watch.stage, workers.cancelled)
        if backend == "wasm-pack":
            return tuple(pack(crate, call, by) for crate in crates)
        asker = Asker(known, job.cargo, env, place.cache)
        results = _direct(groups(crates, features(crates, asker, workers)), call, by, workers)
    shelf.prune(place.cache / "bundles")
    return tuple(results[crate.name] for crate in crates)


def environment(job: Job) -> dict[str, str]:
    """What the tools of a job are started with."""
    return tools.environment(cargo.environment(job))


def look(job: Job, cache: Path, backend: Backend) -> tuple[Tool, ...]:
    """The toolchain as the build of a job finds it; `tools.look` is the same without a tree. Raises BuildError."""
    return tools.look(job.tree.path, tools.wanted(job.tree.path), environment(job), cache, backend)


def mark(found: Fingerprint, toolchain: Sequence[Tool], backend: Backend) -> Fingerprint:
    """The fingerprint of a job of bundles, with the backend and the versions of the tools beside cargo."""
    words = " ".join((backend, *(f"{tool.name} {tool.found}" for tool in toolchain if tool.name != TARGET)))
    return Fingerprint((*found.parts, ("bundles", words)))


def _direct(found: Sequence[Sequence[Crate]], call: Call, by: Finisher, workers: Pool) -> Mapping[str, Result]:
    """Bundles are finished while cargo compiles the next ones."""
    begun: dict[str, Future[Result]] = {}
    broken: dict[str, Broken] = {}

    def made(crate: Crate, module: Path) -> None:
        begun[crate.name] = workers.executor.submit(finish, crate, module, by)

    for number, group in enumerate(found, 1):
        for failure in compile_group(group, number, call, made):
            by.stage(failure.name, "broken")
            broken[failure.name] = failure
    return {**broken, **{name: future.result() for name, future in begun.items()}}


def _versions(found: Sequence[Tool]) -> tuple[str, str]:
    versions = {tool.name: tool.found for tool in found}
    return versions["wasm-bindgen"], versions["wasm-opt"]
