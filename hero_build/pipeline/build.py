"""Builds: one call of cargo for all apps of equal tree and Cargo, and each program it made verified like a download."""

import fcntl
import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import recipe_errors
from hero_build.errors import BuildNeeded, HeroBuildError, InvalidBinary, RecipeError, machine_errors
from hero_build.events import Finished, PartFailed, Started
from hero_build.install.store import settle
from hero_build.model.artifacts import Binary, Platform
from hero_build.model.decisions import Build, BuildTask
from hero_build.model.installed import Origin, PartId
from hero_build.model.steps import CargoJob, Failed, Fetched, Verified, VerifiedPart
from hero_build.pipeline.build_plan import build_platform
from hero_build.pipeline.download import RunContext
from hero_build.source.cargo import build as cargo_build
from hero_build.source.cargo import metadata
from hero_build.source.cargo.build_context import CargoBuildContext
from hero_build.source.fingerprint import with_written_lock
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for

if TYPE_CHECKING:
    from hero_build.source.wasm.types import BuiltBundle, BundleResult

_FICLONE = 0x40049409  # of linux/fs.h
_CHUNK = 1 << 20
_FOREIGN_TARGET_HINT = "does its recipe, .cargo/config.toml or RUSTFLAGS ask for another machine than this one?"
Libraries = Mapping[PartId, Sequence[Future[Verified]]]


class _BuildItem(Struct, frozen=True):
    """A part to be built, its task, and its libraries, which are there."""

    build: Build
    task: BuildTask
    libraries: tuple[Verified, ...]


def batches(todo: Sequence[Build]) -> list[tuple[Build, ...]]:
    """What one call of cargo makes: parts of the same tree, Cargo and target; what a recipe builds itself is alone."""
    found: dict[object, list[Build]] = {}
    for item in todo:
        job = item.task.job if item.task else None
        key = (job.tree.path, job.cargo, job.target, job.recipe_app, job.backend, job.optimise) if job else item.part.id
        found.setdefault(key, []).append(item)
    return [tuple(batch) for batch in found.values()]


def run_batch(batch: Sequence[Build], libraries: Libraries, run: RunContext) -> list[VerifiedPart | Failed]:
    """Build one batch, and verify and settle what it made. Raises process.Cancelled."""
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
    """Raises what fetching its libraries raised."""
    if build.task is None:
        hint = f"Run it without --dry-run: `hero-build install {build.part.id.app}`."
        raise BuildNeeded(f"what {build.part.id} is built from is not there yet", hint)
    run.context.emit(Started(build.part.id, verb="build", version=build.task.origin.version, total=None))
    return _BuildItem(build, build.task, tuple(future.result() for future in libraries))


def _build_items(items: Sequence[_BuildItem], run: RunContext) -> list[VerifiedPart | Failed]:
    try:
        job = _batch_job(items, run)
        if job.backend is not None:
            return _wasm_build(items, replace(job, programs=tuple(_bundle_name(item) for item in items)), run)
        return _recipe_build(items[0], job, run) if job.recipe_app else _cargo_build(items, job, run)
    except HeroBuildError as error:
        return [_failed(item.build, error, run) for item in items]


def _batch_job(items: Sequence[_BuildItem], run: RunContext) -> CargoJob:
    """The one job of a batch, with the folder in which its libraries are while it is built."""
    libraries = [file for item in items for verified in item.libraries for file in verified.files]
    if not libraries:
        return items[0].task.job
    folder = run.downloads.scratch()
    with machine_errors(folder):
        for file in {file.dest.name: file for file in libraries}.values():
            os.link(file.path, folder / file.dest.name)
    return replace(items[0].task.job, lib=folder)


def _cargo_build(items: Sequence[_BuildItem], job: CargoJob, run: RunContext) -> list[VerifiedPart | Failed]:
    """What the workspace does not have fails by itself; what does not compile stops nothing else."""
    found = metadata.workspace(job.tree.path, cargo_build.environment(job), run.stop.is_set)
    packages: dict[str, metadata.CargoPackage] = {}
    results: list[VerifiedPart | Failed] = []
    fitting: list[_BuildItem] = []
    for item in items:
        try:
            packages |= metadata.choose(found, item.task.job.programs, job.cargo.packages)
            fitting.append(item)
        except HeroBuildError as error:
            results.append(_failed(item.build, error, run))
    if fitting:
        whole = replace(job, programs=tuple(packages))
        bench = _build_context(fitting, whole, run)
        tried = cargo_build.attempt(
            whole,
            packages=packages,
            log=bench.log,
            progress=bench.progress,
            cancelled=bench.cancelled,
            keep_going=len(fitting) > 1,
        )
        results += [_part_result(item, tried, run) for item in fitting]
    return results


def _wasm_build(items: Sequence[_BuildItem], job: CargoJob, run: RunContext) -> list[VerifiedPart | Failed]:
    """One that cannot be made leaves the others alone."""
    from hero_build.source.wasm import build as wasm_build  # only for those who build any
    from hero_build.source.wasm.types import BuildFolders, BuildWatch

    context, by_name = run.context, {_bundle_name(item): item for item in items}
    logs, cache = context.settings.cache / "logs", context.settings.cache / "wasm"
    place = BuildFolders(run.downloads.scratch(), logs, cache)
    bench = _build_context(items, job, run)
    checked: dict[str, Future[Verified | HeroBuildError]] = {}

    def finished(made: "BuiltBundle") -> None:
        checked[made.name] = run.pool.submit(_verify_bundle, by_name[made.name], made)

    watch = BuildWatch(bench.progress, finished=finished, cancelled=bench.cancelled)
    made = wasm_build.build(job, backend=job.backend or "direct", place=place, watch=watch)
    return [_bundle_result(by_name[item.name], made=item, checked=checked, run=run) for item in made]


def _bundle_result(
    item: _BuildItem, made: "BundleResult", checked: Mapping[str, Future[Verified | HeroBuildError]], run: RunContext
) -> VerifiedPart | Failed:
    from hero_build.source.wasm.types import FailedBundle

    result = made.error if isinstance(made, FailedBundle) else checked[made.name].result()
    if isinstance(result, HeroBuildError):
        return _failed(item.build, result, run)
    run.context.emit(Finished(item.build.part.id))
    return VerifiedPart(item.build.part, _origin(item.task), (result,))


def _verify_bundle(item: _BuildItem, made: "BuiltBundle") -> Verified | HeroBuildError:
    """verify ─► settle, while others are still built."""
    (bundle,) = item.build.part.artifacts
    try:
        verified = verify(
            Fetched(bundle, path=made.folder, form="tree", sha256="", size=0),
            expect_for(bundle, None, build_platform()),
        )
        settle(verified)
    except HeroBuildError as error:
        return error
    return verified


def _bundle_name(item: _BuildItem) -> str:
    return item.build.part.artifacts[0].name


def _recipe_build(item: _BuildItem, job: CargoJob, run: RunContext) -> list[VerifiedPart | Failed]:
    found = run.context.catalog.get(job.recipe_app)
    with recipe_errors(found.path):
        told = found.recipe.build(_build_context([item], job, run))
        made = {name: job.tree.path / path for name, path in told.items()}
    error = None
    if lacking := [name for name in job.programs if not made.get(name, job.tree.path).is_file()]:
        sentence = f"the recipe's own build made no {', '.join(lacking)}"
        error = RecipeError(sentence, f"Mend `build` in {found.path}.")
    return [_part_result(item, cargo_build.BuildAttempt(made if error is None else {}, error), run)]


def _build_context(items: Sequence[_BuildItem], job: CargoJob, run: RunContext) -> CargoBuildContext:
    context, parts = run.context, [item.build.part.id for item in items]
    where = hashlib.sha256(os.fsencode(job.tree.path)).hexdigest()[:8]  # another checkout may be built at the same time
    log = context.settings.cache / "logs" / f"{parts[0].app}-{where}.log"
    with machine_errors(log.parent):
        log.unlink(missing_ok=True)
    return CargoBuildContext(
        job, log=log, progress=cargo_build.compile_progress(parts, context.emit), cancelled=run.stop.is_set
    )


def _part_result(item: _BuildItem, tried: cargo_build.BuildAttempt, run: RunContext) -> VerifiedPart | Failed:
    binaries = [artifact for artifact in item.build.part.artifacts if isinstance(artifact, Binary)]
    if tried.error is not None and any(binary.name not in tried.made for binary in binaries):
        return _failed(item.build, tried.error, run)
    try:
        folder = run.downloads.scratch()
        platform = item.task.platform if item.task.job.target else build_platform()
        programs = tuple(
            _verified_copy(binary, source=tried.made[binary.name], folder=folder, platform=platform)
            for binary in binaries
        )
    except HeroBuildError as error:
        return _failed(item.build, error, run)
    run.context.emit(Finished(item.build.part.id))
    return VerifiedPart(item.build.part, _origin(item.task), (*programs, *item.libraries))


def _verified_copy(binary: Binary, source: Path, folder: Path, platform: Platform) -> Verified:
    """copy ─► verify ─► settle: cargo may write to its own file again, so what is installed is never a link to it."""
    path = folder / binary.name
    with machine_errors(folder):
        digest, size = _copy(source, path)
    try:
        verified = verify(
            Fetched(binary, path=path, form="file", sha256=digest, size=size), expect_for(binary, None, platform)
        )
    except InvalidBinary as error:  # whose hint speaks of releases
        raise InvalidBinary(error.message, f"{source} is what cargo built: {_FOREIGN_TARGET_HINT}") from error
    settle(verified)
    return verified


def _copy(source: Path, target: Path) -> tuple[str, int]:
    """The sha256 and the size of what was copied; blocks are shared where the filesystem can."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as out:
        shared = _clone_blocks(file.fileno(), out.fileno())
        while piece := file.read(_CHUNK):
            digest.update(piece)
            if not shared:
                out.write(piece)
        return digest.hexdigest(), file.tell()


def _clone_blocks(source: int, target: int) -> bool:
    """ioctl_ficlonerange(2). Whatever keeps it from being done, a plain copy does it."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _origin(task: BuildTask) -> Origin:
    """With the lock file that the build itself may have written."""
    build = task.origin.build
    if build is None:
        return task.origin
    return replace(task.origin, build=replace(build, fingerprint=with_written_lock(build.fingerprint, task.job.tree)))


def _failed(build: Build, error: HeroBuildError, run: RunContext) -> Failed:
    failed = Failed(build.part.id.app, build.part.id, error)
    run.context.emit(PartFailed(failed))
    return failed
