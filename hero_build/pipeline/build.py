"""Builds: one cargo call for all apps with the same tree and Cargo; each program is verified like a download."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import recipe_errors
from hero_build.errors import BuildNeeded, HeroBuildError, RecipeError
from hero_build.events import Finished, PartFailed, Started
from hero_build.install.store import make_durable
from hero_build.model.artifacts import Binary
from hero_build.model.decisions import Build, BuildTask
from hero_build.model.installed import Origin, PartId
from hero_build.model.steps import CargoJob, Failed, Fetched, Verified, VerifiedPart
from hero_build.os_errors import machine_errors
from hero_build.pipeline.build_plan import build_platform
from hero_build.pipeline.copy_program import verified_copy
from hero_build.pipeline.download import RunContext
from hero_build.pipeline.record_build import record_parts
from hero_build.source.cargo import build as cargo_build
from hero_build.source.cargo.build_context import CargoBuildContext
from hero_build.source.cargo.known_metadata import memory
from hero_build.source.cargo.messages import CargoMessage
from hero_build.source.cargo.metadata import CargoPackage
from hero_build.source.cargo.target_folder import build_directories, locked_target, shared_target
from hero_build.source.cargo.workspaces import Workspaces
from hero_build.source.fingerprint import with_written_lock
from hero_build.source.own_locks import recording
from hero_build.source.recorded_build import RecordEntry, read_inputs
from hero_build.source.wasm import TARGET as WASM_TARGET
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for

if TYPE_CHECKING:
    from hero_build.source.wasm.types import BuiltBundle, BundleResult

Libraries = Mapping[PartId, Sequence[Future[Verified]]]


class _BuildItem(Struct, frozen=True):
    """A part to build, its task, and its libraries, which are downloaded."""

    build: Build
    task: BuildTask
    libraries: tuple[Verified, ...]


def batches(todo: Sequence[Build]) -> list[tuple[Build, ...]]:
    """Groups what one cargo call builds: parts with the same tree, Cargo and target; a recipe's own build is alone."""
    groups: dict[object, list[Build]] = {}
    for item in todo:
        job = item.task.job if item.task else None
        key = (job.tree.path, job.cargo, job.target, job.recipe_app, job.backend, job.optimise) if job else item.part.id
        groups.setdefault(key, []).append(item)
    return [tuple(batch) for batch in groups.values()]


def run_batch(batch: Sequence[Build], libraries: Libraries, run: RunContext) -> list[VerifiedPart | Failed]:
    """Build one batch, verify the results and make them durable. Raises process.Cancelled."""
    results: list[VerifiedPart | Failed] = []
    items: list[_BuildItem] = []
    for build in batch:
        try:
            items.append(_start_item(build, libraries[build.part.id], run))
        except HeroBuildError as error:
            results.append(_failed(build, error, run))
    if items:
        results += _build_items(items, run)
    return results


def _start_item(build: Build, libraries: Sequence[Future[Verified]], run: RunContext) -> _BuildItem:
    """Raises the error of a library's download, and BuildNeeded for a part without a checkout."""
    if build.task is None:
        hint = f"Run it without --dry-run: `hero-build install {build.part.id.app}`."
        raise BuildNeeded(f"the checkout to build {build.part.id} from does not exist yet", hint)
    origin = build.task.origin
    why = origin.why if build.fallback else ""
    run.context.emit(Started(build.part.id, verb="build", version=origin.version, total=None, why=why))
    return _BuildItem(build, build.task, tuple(future.result() for future in libraries))


def _build_items(items: Sequence[_BuildItem], run: RunContext) -> list[VerifiedPart | Failed]:
    try:
        job = _batch_job(items, run)
        with locked_target(job.shared_target, run.stop.is_set), recording(job.tree.path, job.writable_locks):
            cargo_build.rerun_scripts(job, WASM_TARGET if job.backend is not None else None)
            if job.backend is not None:
                return _wasm_build(items, replace(job, programs=tuple(_bundle_name(item) for item in items)), run)
            return _recipe_build(items[0], job, run) if job.recipe_app else _cargo_build(items, job, run)
    except HeroBuildError as error:
        return [_failed(item.build, error, run) for item in items]


def _batch_job(items: Sequence[_BuildItem], run: RunContext) -> CargoJob:
    """The job of a batch, with a folder that holds its libraries during the build."""
    libraries = [file for item in items for verified in item.libraries for file in verified.files]
    rerun = tuple(sorted({package for item in items for package in item.task.job.rerun}))
    writable = tuple(dict.fromkeys(path for item in items for path in item.task.job.writable_locks))
    first = items[0].task.job
    target = shared_target(first, run.context.settings.cache, run.stop.is_set)
    job = replace(first, rerun=rerun, writable_locks=writable, shared_target=target)
    if not libraries:
        return job
    folder = run.downloads.scratch()
    with machine_errors(folder):
        for file in {file.dest.name: file for file in libraries}.values():
            os.link(file.path, folder / file.dest.name)
    return replace(job, lib=folder)


def _cargo_build(items: Sequence[_BuildItem], job: CargoJob, run: RunContext) -> list[VerifiedPart | Failed]:
    """A program that no workspace has, or that does not compile, fails alone."""
    env = cargo_build.environment(job)
    known = memory(job, items[0].task.origin.build, env=env, cache=run.context.settings.cache)
    workspaces = Workspaces(job.tree.path, job.cargo, env=env, cancelled=run.stop.is_set, memory=known)
    packages: dict[str, CargoPackage] = {}
    results: list[VerifiedPart | Failed] = []
    buildable: list[_BuildItem] = []
    for item in items:
        try:
            packages |= workspaces.choose(item.task.job.programs)
            buildable.append(item)
        except HeroBuildError as error:
            results.append(_failed(item.build, error, run))
    if buildable:
        attempt = _attempt(buildable, replace(job, programs=tuple(packages)), packages=packages, run=run)
        directories = build_directories(job, workspaces.owners(tuple(packages)))
        inputs = run.pool.submit(read_inputs, job, attempt.crates, attempt.started, directories)
        parts = [_part_result(item, attempt, run) for item in buildable]
        record_parts(parts, job, inputs.result(), settings=run.context.settings)
        results += parts
    return results


def _attempt(
    items: Sequence[_BuildItem], job: CargoJob, packages: Mapping[str, CargoPackage], run: RunContext
) -> cargo_build.BuildAttempt:
    context = _build_context(items, job, run)
    return cargo_build.attempt(
        job,
        packages=packages,
        log=context.log,
        progress=context.progress,
        cancelled=context.cancelled,
        keep_going=len(items) > 1,
    )


def _wasm_build(items: Sequence[_BuildItem], job: CargoJob, run: RunContext) -> list[VerifiedPart | Failed]:
    """A bundle that fails leaves the others alone."""
    from hero_build.source.wasm import build as wasm_build  # only needed by builds of bundles
    from hero_build.source.wasm import plan as wasm_plan
    from hero_build.source.wasm.types import BuildFolders, BuildWatch

    cache, by_name = run.context.settings.cache, {_bundle_name(item): item for item in items}
    folders = BuildFolders(run.downloads.scratch(), cache / "logs", cache)
    context = _build_context(items, job, run)
    verified: dict[str, Future[Verified | HeroBuildError]] = {}

    def finished(bundle: "BuiltBundle") -> None:
        verified[bundle.name] = run.pool.submit(_verify_bundle, by_name[bundle.name], bundle)

    inputs: list[Future[RecordEntry | None]] = []

    def compiled(crates: Sequence[CargoMessage], started: int) -> None:
        inputs.append(run.pool.submit(read_inputs, job, crates, started))

    watch = BuildWatch(context.progress, finished=finished, cancelled=context.cancelled, crates=compiled)
    known = memory(job, items[0].task.origin.build, env=wasm_plan.environment(job), cache=cache)
    results = wasm_build.build(job, backend=job.backend or "direct", folders=folders, watch=watch, memory=known)
    parts = [_bundle_result(by_name[item.name], built=item, verified=verified, run=run) for item in results]
    record_parts(parts, job, inputs[0].result() if inputs else None, settings=run.context.settings)
    return parts


def _bundle_result(
    item: _BuildItem, built: "BundleResult", verified: Mapping[str, Future[Verified | HeroBuildError]], run: RunContext
) -> VerifiedPart | Failed:
    from hero_build.source.wasm.types import FailedBundle

    result = built.error if isinstance(built, FailedBundle) else verified[built.name].result()
    if isinstance(result, HeroBuildError):
        return _failed(item.build, result, run)
    run.context.emit(Finished(item.build.part.id))
    return VerifiedPart(item.build.part, _origin(item.task), (result,))


def _verify_bundle(item: _BuildItem, built: "BuiltBundle") -> Verified | HeroBuildError:
    """verify ─► make durable, while other bundles are still being built."""
    (bundle,) = item.build.part.artifacts
    try:
        verified = verify(
            Fetched(bundle, path=built.folder, form="tree", sha256="", size=0),
            expect_for(bundle, None, build_platform()),
        )
        make_durable(verified)
    except HeroBuildError as error:
        return error
    return verified


def _bundle_name(item: _BuildItem) -> str:
    return item.build.part.artifacts[0].name


def _recipe_build(item: _BuildItem, job: CargoJob, run: RunContext) -> list[VerifiedPart | Failed]:
    loaded = run.context.catalog.get(job.recipe_app)
    context = _build_context([item], job, run)
    with recipe_errors(loaded.path):
        paths = loaded.recipe.build(context)
        programs = {name: job.tree.path / path for name, path in paths.items()}
    failures: dict[str, HeroBuildError] = {}
    if missing := [name for name in job.programs if not programs.get(name, job.tree.path).is_file()]:
        sentence = f"the recipe's own build made no {', '.join(missing)}"
        error = RecipeError(sentence, f"Correct `build` in {loaded.path}.")
        programs, failures = {}, dict.fromkeys(job.programs, error)
    attempt = cargo_build.BuildAttempt(
        programs,
        failures,
        crates=tuple(crate for call in context.attempts for crate in call.crates),
        started=min((call.started for call in context.attempts), default=0),
    )
    parts, read = [_part_result(item, attempt, run)], read_inputs(job, attempt.crates, attempt.started)
    record_parts(parts, job, read, settings=run.context.settings, complete=False)  # the recipe's code reads, too
    return parts


def _build_context(items: Sequence[_BuildItem], job: CargoJob, run: RunContext) -> CargoBuildContext:
    context, parts = run.context, [item.build.part.id for item in items]
    digest = hashlib.sha256(os.fsencode(job.tree.path)).hexdigest()[:8]  # two checkouts may be built at the same time
    log = context.settings.cache / "logs" / f"{parts[0].app}-{digest}.log"
    with machine_errors(log.parent):
        log.unlink(missing_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        for part in parts[1:]:  # the other apps of this call
            link = log.with_name(f"{part.app}-{digest}.log")
            if link != log:
                link.unlink(missing_ok=True)
                link.symlink_to(log.name)
    return CargoBuildContext(
        job, log=log, progress=cargo_build.compile_progress(parts, context.emit), cancelled=run.stop.is_set
    )


def _part_result(item: _BuildItem, attempt: cargo_build.BuildAttempt, run: RunContext) -> VerifiedPart | Failed:
    binaries = [artifact for artifact in item.build.part.artifacts if isinstance(artifact, Binary)]
    missing = [binary.name for binary in binaries if binary.name not in attempt.programs]
    if error := next((attempt.failures[name] for name in missing if name in attempt.failures), None):
        return _failed(item.build, error, run)
    try:
        folder = run.downloads.scratch()
        platform = item.task.platform if item.task.job.target else build_platform()
        programs = tuple(
            verified_copy(binary, source=attempt.programs[binary.name], folder=folder, platform=platform)
            for binary in binaries
        )
    except HeroBuildError as error:
        return _failed(item.build, error, run)
    run.context.emit(Finished(item.build.part.id))
    return VerifiedPart(item.build.part, _origin(item.task), (*programs, *item.libraries))


def _origin(task: BuildTask) -> Origin:
    """The origin, with the lock file that the build itself may have written."""
    build = task.origin.build
    if build is None:
        return task.origin
    return replace(task.origin, build=replace(build, fingerprint=with_written_lock(build.fingerprint, task.job)))


def _failed(build: Build, error: HeroBuildError, run: RunContext) -> Failed:
    failed = Failed(build.part.id.app, build.part.id, error)
    run.context.emit(PartFailed(failed))
    return failed
