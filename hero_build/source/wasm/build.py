"""A WebAssembly build: tools → crates → groups → cargo, with wasm-bindgen and wasm-opt beside it → one folder each."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace

from hero_build.model.steps import CargoJob
from hero_build.os_errors import machine_errors
from hero_build.source.cargo.known_metadata import MetadataMemory
from hero_build.source.cargo.messages import CargoMessage
from hero_build.source.wasm import cache, workspace
from hero_build.source.wasm.compile import CargoInvocation, compile_group
from hero_build.source.wasm.features import FeatureQuery, features, groups
from hero_build.source.wasm.finish import BundleFinisher, finish
from hero_build.source.wasm.plan import check_toolchain, environment
from hero_build.source.wasm.pool import Pool, pool
from hero_build.source.wasm.types import (
    Backend,
    BuildFolders,
    BuildWatch,
    BundleResult,
    Crate,
    FailedBundle,
    InstalledBundles,
)
from hero_build.source.wasm.wasm_pack import run_wasm_pack
from hero_build.source.wasm.workspace import WasmWorkspace


def build(
    job: CargoJob,
    backend: Backend,
    folders: BuildFolders,
    watch: BuildWatch,
    *,
    memory: MetadataMemory | None = None,
    installed: InstalledBundles = MappingProxyType({}),
) -> tuple[BundleResult, ...]:
    """Build the bundles that `job.programs` names (all, if it names none), in the order of their names.

    Uses the tools that `job.tools` names, and detects them where it names none; `memory` has what cargo says of
    the workspace. A bundle that would be what is `installed` is an UnchangedBundle; one that fails to build is a
    FailedBundle, and the others are built. Raises errors that concern all of them: MissingTool (one error for all
    missing tools, before anything is built), BuildError, BundleNotFound, DiskFull, process.Cancelled.
    """
    env = environment(job)
    tools = job.tools or tuple((tool.name, tool.version) for tool in check_toolchain(job, folders.cache, backend))
    members = workspace.discover(job.folder, env, packages=job.cargo.packages, memory=memory)
    crates = tuple(_apply_optimise(crate, job) for crate in workspace.choose(members, job.programs))
    with machine_errors(folders.out), pool(watch.cancelled) as workers:
        for folder in (folders.out, folders.logs, folders.cache):
            folder.mkdir(parents=True, exist_ok=True)
        call = _invocation(job, members=members, env=env, folders=folders, watch=watch)
        finisher = BundleFinisher(
            folders, env=env, versions=_versions(tools), watch=watch, workers=workers, installed=installed
        )
        if backend == "wasm-pack":
            return tuple(run_wasm_pack(crate, call, finisher) for crate in crates)
        grouped = _grouped(crates, members=members, call=call, finisher=finisher)
        results = _build_groups(grouped, call=call, finisher=finisher, workers=workers)
    return tuple(results[crate.name] for crate in crates)


def _invocation(
    job: CargoJob, members: WasmWorkspace, env: Mapping[str, str], folders: BuildFolders, watch: BuildWatch
) -> CargoInvocation:
    return CargoInvocation(
        members.folder,
        cargo=job.cargo,
        env=env,
        logs=folders.logs,
        progress=watch.compiling,
        cancelled=watch.cancelled,
        crates=watch.crates,
    )


def _apply_optimise(crate: Crate, job: CargoJob) -> Crate:
    return crate if job.optimise else replace(crate, optimise=None)


def _grouped(
    crates: Sequence[Crate], members: WasmWorkspace, call: CargoInvocation, finisher: BundleFinisher
) -> tuple[tuple[Crate, ...], ...]:
    """The crates that one cargo call may compile together."""
    query = FeatureQuery(members, cargo=call.cargo, env=call.env, cache=finisher.folders.cache)
    return groups(crates, features(crates, query, finisher.workers))


def _build_groups(
    grouped: Sequence[Sequence[Crate]], call: CargoInvocation, finisher: BundleFinisher, workers: Pool
) -> Mapping[str, BundleResult]:
    """Finish bundles while cargo compiles the next ones; the result of each, by name."""
    pending: dict[str, Future[BundleResult]] = {}
    failures: dict[str, FailedBundle] = {}

    def on_module(crate: Crate, module: Path) -> None:
        if not pending:
            workers.executor.submit(cache.prune, finisher.folders.bundles)  # beside cargo; what was used last stays
        pending[crate.name] = workers.executor.submit(finish, crate, module, finisher)

    seen: list[tuple[Sequence[CargoMessage], int]] = []
    call = replace(call, crates=lambda crates, started: seen.append((crates, started)))
    for number, group in enumerate(grouped, 1):
        for failure in compile_group(group, number=number, call=call, on_module=on_module):
            finisher.watch.stage(failure.name, "broken")
            failures[failure.name] = failure
    crates = tuple(message for messages, _ in seen for message in messages)
    finisher.watch.crates(crates, min(started for _, started in seen))
    return {**failures, **{name: future.result() for name, future in pending.items()}}


def _versions(tools: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Of wasm-bindgen and wasm-opt (empty: not used)."""
    versions = dict(tools)
    return versions["wasm-bindgen"], versions.get("wasm-opt", "")
