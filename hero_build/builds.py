"""Builds: one call of cargo for all apps of equal tree and Cargo, and each program it made verified like a download."""

import fcntl
import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hero_build.artifact import Binary, Platform
from hero_build.blueprint import here
from hero_build.catalog import asking
from hero_build.downloads import Fetching
from hero_build.errors import BuildNeeded, HeroBuildError, NotTheProgram, RecipeError, machine_errors
from hero_build.events import Began, Broke, Finished
from hero_build.install.store import settle
from hero_build.model import Build, Failed, Fetched, Job, Ready, Task, Verified
from hero_build.record import Origin, PartId
from hero_build.source import cargo, metadata
from hero_build.source.fingerprint import locked_by_build
from hero_build.source.workbench import Workbench
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for

if TYPE_CHECKING:
    from hero_build.source.wasm.nouns import Built, Result

_FICLONE = 0x40049409  # of linux/fs.h
_PIECE = 1 << 20
_FOREIGN = "does its recipe, .cargo/config.toml or RUSTFLAGS ask for another machine than this one?"
Libraries = Mapping[PartId, Sequence[Future[Verified]]]


@dataclass(frozen=True, slots=True)
class _Item:
    """A part to be built, its task, and its libraries, which are there."""

    build: Build
    task: Task
    libraries: tuple[Verified, ...]


def batches(todo: Sequence[Build]) -> list[tuple[Build, ...]]:
    """What one call of cargo makes: parts of the same tree, Cargo and target; what a recipe builds itself is alone."""
    found: dict[object, list[Build]] = {}
    for item in todo:
        job = item.task.job if item.task else None
        key = (job.tree.path, job.cargo, job.target, job.own, job.backend, job.optimise) if job else item.part.id
        found.setdefault(key, []).append(item)
    return [tuple(batch) for batch in found.values()]


def run(batch: Sequence[Build], libraries: Libraries, fetching: Fetching) -> list[Ready | Failed]:
    """Build one batch, and verify and settle what it made. Raises process.Cancelled."""
    results: list[Ready | Failed] = []
    items: list[_Item] = []
    for build in batch:
        try:
            items.append(_begin(build, libraries[build.part.id], fetching))
        except HeroBuildError as error:
            results.append(_failed(build, error, fetching))
    if items:
        results += _made(items, fetching)
    return results


def _begin(build: Build, libraries: Sequence[Future[Verified]], fetching: Fetching) -> _Item:
    """Raises what fetching its libraries raised."""
    if build.task is None:
        hint = f"Run it without --dry-run: `hero-build install {build.part.id.app}`."
        raise BuildNeeded(f"what {build.part.id} is built from is not there yet", hint)
    fetching.tools.emit(Began(build.part.id, "build", build.task.origin.version, None))
    return _Item(build, build.task, tuple(future.result() for future in libraries))


def _made(items: Sequence[_Item], fetching: Fetching) -> list[Ready | Failed]:
    try:
        job = _job(items, fetching)
        if job.backend is not None:
            return _bundles(items, replace(job, programs=tuple(_name(item) for item in items)), fetching)
        return _in_its_own_way(items[0], job, fetching) if job.own else _by_cargo(items, job, fetching)
    except HeroBuildError as error:
        return [_failed(item.build, error, fetching) for item in items]


def _job(items: Sequence[_Item], fetching: Fetching) -> Job:
    """The one job of a batch, with the folder in which its libraries are while it is built."""
    libraries = [file for item in items for verified in item.libraries for file in verified.files]
    if not libraries:
        return items[0].task.job
    folder = fetching.inbox.scratch()
    with machine_errors(folder):
        for file in {file.dest.name: file for file in libraries}.values():
            os.link(file.path, folder / file.dest.name)
    return replace(items[0].task.job, lib=folder)


def _by_cargo(items: Sequence[_Item], job: Job, fetching: Fetching) -> list[Ready | Failed]:
    """What the workspace does not have fails by itself; what does not compile stops nothing else."""
    found = metadata.workspace(job.tree.path, cargo.environment(job), fetching.stop.is_set)
    packages: dict[str, metadata.Package] = {}
    results: list[Ready | Failed] = []
    fitting: list[_Item] = []
    for item in items:
        try:
            packages |= metadata.choose(found, item.task.job.programs, job.cargo.packages)
            fitting.append(item)
        except HeroBuildError as error:
            results.append(_failed(item.build, error, fetching))
    if fitting:
        whole = replace(job, programs=tuple(packages))
        bench = _bench(fitting, whole, fetching)
        tried = cargo.attempt(whole, packages, bench.log, bench.progress, bench.cancelled, keep_going=len(fitting) > 1)
        results += [_result(item, tried, fetching) for item in fitting]
    return results


def _bundles(items: Sequence[_Item], job: Job, fetching: Fetching) -> list[Ready | Failed]:
    """One that cannot be made leaves the others alone."""
    from hero_build.source.wasm import islands  # only for those who build any
    from hero_build.source.wasm.nouns import Place, Watch

    tools, by_name = fetching.tools, {_name(item): item for item in items}
    logs, cache = tools.settings.cache / "logs", tools.settings.cache / "wasm"
    place = Place(fetching.inbox.scratch(), logs, cache)
    bench = _bench(items, job, fetching)
    checked: dict[str, Future[Verified | HeroBuildError]] = {}

    def finished(made: "Built") -> None:
        checked[made.name] = fetching.pool.submit(_check, by_name[made.name], made)

    watch = Watch(bench.progress, finished=finished, cancelled=bench.cancelled)
    made = islands.build(job, job.backend or "direct", place, watch)
    return [_bundle(by_name[item.name], item, checked, fetching) for item in made]


def _bundle(
    item: _Item, made: "Result", checked: Mapping[str, Future[Verified | HeroBuildError]], fetching: Fetching
) -> Ready | Failed:
    from hero_build.source.wasm.nouns import Broken

    result = made.error if isinstance(made, Broken) else checked[made.name].result()
    if isinstance(result, HeroBuildError):
        return _failed(item.build, result, fetching)
    fetching.tools.emit(Finished(item.build.part.id))
    return Ready(item.build.part, _origin(item.task), (result,))


def _check(item: _Item, made: "Built") -> Verified | HeroBuildError:
    """verify ─► settle, while others are still built."""
    (bundle,) = item.build.part.artifacts
    try:
        verified = verify(Fetched(bundle, made.folder, "tree", "", 0), expect_for(bundle, None, here()))
        settle(verified)
    except HeroBuildError as error:
        return error
    return verified


def _name(item: _Item) -> str:
    return item.build.part.artifacts[0].name


def _in_its_own_way(item: _Item, job: Job, fetching: Fetching) -> list[Ready | Failed]:
    found = fetching.tools.catalog.get(job.own)
    with asking(found.path):
        told = found.recipe.build(_bench([item], job, fetching))
        made = {name: job.tree.path / path for name, path in told.items()}
    error = None
    if lacking := [name for name in job.programs if not made.get(name, job.tree.path).is_file()]:
        sentence = f"the recipe's own build made no {', '.join(lacking)}"
        error = RecipeError(sentence, f"Mend `build` in {found.path}.")
    return [_result(item, cargo.Attempt(made if error is None else {}, error), fetching)]


def _bench(items: Sequence[_Item], job: Job, fetching: Fetching) -> Workbench:
    tools, parts = fetching.tools, [item.build.part.id for item in items]
    where = hashlib.sha256(os.fsencode(job.tree.path)).hexdigest()[:8]  # another checkout may be built at the same time
    log = tools.settings.cache / "logs" / f"{parts[0].app}-{where}.log"
    with machine_errors(log.parent):
        log.unlink(missing_ok=True)
    return Workbench(job, log, cargo.telling(parts, tools.emit), fetching.stop.is_set)


def _result(item: _Item, tried: cargo.Attempt, fetching: Fetching) -> Ready | Failed:
    binaries = [artifact for artifact in item.build.part.artifacts if isinstance(artifact, Binary)]
    if tried.error is not None and any(binary.name not in tried.made for binary in binaries):
        return _failed(item.build, tried.error, fetching)
    try:
        folder = fetching.inbox.scratch()
        platform = item.task.platform if item.task.job.target else here()
        programs = tuple(_take(binary, tried.made[binary.name], folder, platform) for binary in binaries)
    except HeroBuildError as error:
        return _failed(item.build, error, fetching)
    fetching.tools.emit(Finished(item.build.part.id))
    return Ready(item.build.part, _origin(item.task), (*programs, *item.libraries))


def _take(binary: Binary, made: Path, folder: Path, platform: Platform) -> Verified:
    """copy ─► verify ─► settle: cargo may write to its own file again, so what is installed is never a link to it."""
    path = folder / binary.name
    with machine_errors(folder):
        digest, size = _copy(made, path)
    try:
        verified = verify(Fetched(binary, path, "file", digest, size), expect_for(binary, None, platform))
    except NotTheProgram as error:  # whose hint speaks of releases
        raise NotTheProgram(error.message, f"{made} is what was built: {_FOREIGN}") from error
    settle(verified)
    return verified


def _copy(source: Path, target: Path) -> tuple[str, int]:
    """The sha256 and the size of what was copied; blocks are shared where the filesystem can."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as out:
        shared = _share(file.fileno(), out.fileno())
        while piece := file.read(_PIECE):
            digest.update(piece)
            if not shared:
                out.write(piece)
        return digest.hexdigest(), file.tell()


def _share(source: int, target: int) -> bool:
    """ioctl_ficlonerange(2). Whatever keeps it from being done, a plain copy does it."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _origin(task: Task) -> Origin:
    """With the lock file that the build itself may have written."""
    build = task.origin.build
    if build is None:
        return task.origin
    return replace(task.origin, build=replace(build, fingerprint=locked_by_build(build.fingerprint, task.job.tree)))


def _failed(build: Build, error: HeroBuildError, fetching: Fetching) -> Failed:
    failed = Failed(build.part.id.app, build.part.id, error)
    fetching.tools.emit(Broke(failed))
    return failed
