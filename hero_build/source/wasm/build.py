"""The story of a WASM build: tools → crates → groups → cargo → wasm-bindgen and wasm-opt beside it → a folder each."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from msgspec.structs import replace

from hero_build.errors import machine_errors
from hero_build.model.steps import CargoJob
from hero_build.source.wasm import cache, workspace
from hero_build.source.wasm.compile import CargoInvocation, compile_group
from hero_build.source.wasm.features import FeatureQuery, features, groups
from hero_build.source.wasm.finish import BundleFinisher, finish
from hero_build.source.wasm.plan import check_toolchain, environment
from hero_build.source.wasm.pool import Pool, pool
from hero_build.source.wasm.toolchain import Tool
from hero_build.source.wasm.types import Backend, BuildFolders, BuildWatch, BundleResult, Crate, FailedBundle
from hero_build.source.wasm.wasm_pack import run_wasm_pack


def build(job: CargoJob, backend: Backend, place: BuildFolders, watch: BuildWatch) -> tuple[BundleResult, ...]:
    """Build the bundles that `job.programs` names (all, if it names none), in the order of their names.

    A bundle that cannot be made is a Broken; the others are made all the same. Raises what none of them is to blame
    for: MissingTool (all that is missing, at once, before anything is built), BuildError, BundleNotFound, DiskFull,
    process.Cancelled.
    """
    env = environment(job)
    found = check_toolchain(job, place.cache, backend)
    known = workspace.discover(job.tree.path, env, job.cargo.packages)
    crates = tuple(_apply_optimise(crate, job) for crate in workspace.choose(known, job.programs))
    with machine_errors(place.out), pool(watch.cancelled) as workers:
        for folder in (place.out, place.logs, place.cache):
            folder.mkdir(parents=True, exist_ok=True)
        call = CargoInvocation(
            known.folder, cargo=job.cargo, env=env, logs=place.logs, progress=watch.compiling, cancelled=watch.cancelled
        )
        by = BundleFinisher(place, env=env, versions=_tool_versions(found), watch=watch, workers=workers)
        if backend == "wasm-pack":
            return tuple(run_wasm_pack(crate, call, by) for crate in crates)
        asker = FeatureQuery(known, cargo=job.cargo, env=env, cache=place.cache)
        results = _build_groups(groups(crates, features(crates, asker, workers)), call=call, by=by, workers=workers)
    cache.prune(place.cache / "bundles")
    return tuple(results[crate.name] for crate in crates)


def _apply_optimise(crate: Crate, job: CargoJob) -> Crate:
    return crate if job.optimise else replace(crate, optimise=None)


def _build_groups(
    found: Sequence[Sequence[Crate]], call: CargoInvocation, by: BundleFinisher, workers: Pool
) -> Mapping[str, BundleResult]:
    """Bundles are finished while cargo compiles the next ones."""
    begun: dict[str, Future[BundleResult]] = {}
    broken: dict[str, FailedBundle] = {}

    def made(crate: Crate, module: Path) -> None:
        begun[crate.name] = workers.executor.submit(finish, crate, module, by)

    for number, group in enumerate(found, 1):
        for failure in compile_group(group, number=number, call=call, made=made):
            by.watch.stage(failure.name, "broken")
            broken[failure.name] = failure
    return {**broken, **{name: future.result() for name, future in begun.items()}}


def _tool_versions(found: Sequence[Tool]) -> tuple[str, str]:
    versions = {tool.name: tool.found for tool in found}
    return versions["wasm-bindgen"], versions.get("wasm-opt", "")
