"""Builds: one cargo call for all apps with the same tree and Cargo; each program is verified like a download."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from msgspec.structs import replace

from hero_build.catalog.loader import recipe_errors
from hero_build.errors import BuildNeeded, HeroBuildError, RecipeError
from hero_build.events import Finished, Started
from hero_build.model.artifacts import Binary
from hero_build.model.decisions import Build
from hero_build.model.installed import PartId
from hero_build.model.steps import CargoJob, Produced, Verified, VerifiedPart
from hero_build.os_errors import machine_errors
from hero_build.pipeline.build_item import BuildItem, built_origin, part_failed
from hero_build.pipeline.build_plan import build_platform
from hero_build.pipeline.copy_program import verified_copy
from hero_build.pipeline.download import RunContext
from hero_build.pipeline.record_build import record_parts
from hero_build.source.cargo import build as cargo_build
from hero_build.source.cargo.build_context import CargoBuildContext
from hero_build.source.cargo.known_metadata import memory
from hero_build.source.cargo.metadata import CargoPackage
from hero_build.source.cargo.target_folder import build_directories, locked_target, shared_target
from hero_build.source.cargo.workspaces import Workspaces
from hero_build.source.own_locks import recording
from hero_build.source.recorded_build import read_inputs
from hero_build.source.wasm import TARGET as WASM_TARGET

Libraries = Mapping[PartId, Sequence[Future[Verified]]]


def batches(todo: Sequence[Build]) -> list[tuple[Build, ...]]:
    """Groups what one cargo call builds: parts with the same tree, Cargo and target; a recipe's own build is alone."""
    groups: dict[object, list[Build]] = {}
    for item in todo:
        job = item.task.job if item.task else None
        key = (job.tree.path, job.cargo, job.target, job.recipe_app, job.backend, job.optimise) if job else item.part.id
        groups.setdefault(key, []).append(item)
    return [tuple(batch) for batch in groups.values()]


def run_batch(batch: Sequence[Build], libraries: Libraries, run: RunContext) -> list[Produced]:
    """Build one batch, verify the results and make them durable. Raises process.Cancelled."""
    results: list[Produced] = []
    items: list[BuildItem] = []
    for build in batch:
        try:
            items.append(_start_item(build, libraries[build.part.id], run))
        except HeroBuildError as error:
            results.append(part_failed(build, error, run))
    if items:
        results += _build_items(items, run)
    return results


def _start_item(build: Build, libraries: Sequence[Future[Verified]], run: RunContext) -> BuildItem:
    """Raises the error of a library's download, and BuildNeeded for a part without a checkout."""
    if build.task is None:
        hint = f"Run it without --dry-run: `hero-build install {build.part.id.app}`."
        raise BuildNeeded(f"the checkout to build {build.part.id} from does not exist yet", hint)
    origin = build.task.origin
    why = origin.why if build.fallback else ""
    run.context.emit(Started(build.part.id, verb="build", version=origin.version, total=None, why=why))
    return BuildItem(build, build.task, tuple(future.result() for future in libraries))


def _build_items(items: Sequence[BuildItem], run: RunContext) -> list[Produced]:
    try:
        job = _batch_job(items, run)
        with locked_target(job.shared_target, run.stop.is_set), recording(job.tree.path, job.writable_locks):
            cargo_build.rerun_scripts(job, WASM_TARGET if job.backend is not None else None)
            if job.backend is not None:
                from hero_build.pipeline.build_bundles import build_bundles  # only needed by builds of bundles

                return build_bundles(items, job, context=_build_context(items, job, run), run=run)
            return _recipe_build(items[0], job, run) if job.recipe_app else _cargo_build(items, job, run)
    except HeroBuildError as error:
        return [part_failed(item.build, error, run) for item in items]


def _batch_job(items: Sequence[BuildItem], run: RunContext) -> CargoJob:
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


def _cargo_build(items: Sequence[BuildItem], job: CargoJob, run: RunContext) -> list[Produced]:
    """A program that no workspace has, or that does not compile, fails alone."""
    env = cargo_build.environment(job)
    known = memory(job, items[0].task.origin.build, env=env, cache=run.context.settings.cache)
    workspaces = Workspaces(job.tree.path, job.cargo, env=env, cancelled=run.stop.is_set, memory=known)
    packages: dict[str, CargoPackage] = {}
    results: list[Produced] = []
    buildable: list[BuildItem] = []
    for item in items:
        try:
            packages |= workspaces.choose(item.task.job.programs)
            buildable.append(item)
        except HeroBuildError as error:
            results.append(part_failed(item.build, error, run))
    if buildable:
        attempt = _attempt(buildable, replace(job, programs=tuple(packages)), packages=packages, run=run)
        directories = build_directories(job, workspaces.owners(tuple(packages)))
        inputs = run.pool.submit(read_inputs, job, attempt.crates, attempt.started, directories)
        parts = [_part_result(item, attempt, run) for item in buildable]
        record_parts(parts, job, inputs.result(), settings=run.context.settings)
        results += parts
    return results


def _attempt(
    items: Sequence[BuildItem], job: CargoJob, packages: Mapping[str, CargoPackage], run: RunContext
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


def _recipe_build(item: BuildItem, job: CargoJob, run: RunContext) -> list[Produced]:
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


def _build_context(items: Sequence[BuildItem], job: CargoJob, run: RunContext) -> CargoBuildContext:
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


def _part_result(item: BuildItem, attempt: cargo_build.BuildAttempt, run: RunContext) -> Produced:
    binaries = [artifact for artifact in item.build.part.artifacts if isinstance(artifact, Binary)]
    missing = [binary.name for binary in binaries if binary.name not in attempt.programs]
    if error := next((attempt.failures[name] for name in missing if name in attempt.failures), None):
        return part_failed(item.build, error, run)
    try:
        folder = run.downloads.scratch()
        platform = item.task.platform if item.task.job.target else build_platform()
        programs = tuple(
            verified_copy(binary, source=attempt.programs[binary.name], folder=folder, platform=platform)
            for binary in binaries
        )
    except HeroBuildError as error:
        return part_failed(item.build, error, run)
    run.context.emit(Finished(item.build.part.id))
    return VerifiedPart(item.build.part, built_origin(item.task), (*programs, *item.libraries))
