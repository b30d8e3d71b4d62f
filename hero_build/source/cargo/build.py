"""One `cargo build` for all requested programs of a workspace, and where cargo put them."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import BuildError, HeroBuildError, ToolFailed
from hero_build.events import CompileProgress, Emit
from hero_build.model.installed import PartId
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.config_files import configures_wrapper
from hero_build.source.cargo.errors import cargo_error
from hero_build.source.cargo.messages import CargoMessage, CargoMessages
from hero_build.source.cargo.messages import Progress as Progress
from hero_build.source.cargo.metadata import CargoPackage
from hero_build.source.cargo.target_folder import OPTION, has_config, named_by_recipe
from hero_build.source.cargo.workspaces import Workspaces
from hero_build.source.own_locks import LOCK
from hero_build.system import process

_TERMINAL_SETTINGS = {
    "CARGO_TERM_COLOR": "never",
    "CARGO_TERM_PROGRESS_WHEN": "always",
    "CARGO_TERM_PROGRESS_WIDTH": "160",
    "CARGO_TERM_PROGRESS_TERM_INTEGRATION": "false",
}
"""cargo's own progress bar is the only place where stable cargo says how many crates there are."""


class BuildAttempt(Struct, frozen=True):
    """The programs that cargo built, and why others are missing; both by name.

    `crates`: cargo's messages of all crates; `started`: when it was first started, in ns of time.time_ns().
    """

    programs: Mapping[str, Path]
    failures: Mapping[str, HeroBuildError]
    crates: tuple[CargoMessage, ...] = ()
    started: int = 0

    @property
    def error(self) -> HeroBuildError | None:
        """The first failure; None: cargo built all."""
        return next(iter(self.failures.values()), None)


def build(
    job: CargoJob, log: Path, progress: Progress, cancelled: Callable[[], bool] | None = None
) -> Mapping[str, Path]:
    """Build the job's programs; returns the path of each. cargo's output is appended to `log`.

    Raises BuildError (with the last 200 lines), MissingTool, DiskFull, process.Cancelled.
    """
    return build_all(job, log=log, progress=progress, cancelled=cancelled).programs


def build_all(
    job: CargoJob, log: Path, progress: Progress, cancelled: Callable[[], bool] | None = None
) -> BuildAttempt:
    """As `build`: the attempt, which has all programs."""
    workspaces = Workspaces(job.tree.path, job.cargo, env=environment(job), cancelled=cancelled)
    packages = workspaces.choose(job.programs)
    result = attempt(job, packages=packages, log=log, progress=progress, cancelled=cancelled)
    if result.error is not None:
        raise result.error
    return result


def attempt(
    job: CargoJob,
    packages: Mapping[str, CargoPackage],
    log: Path,
    progress: Progress,
    cancelled: Callable[[], bool] | None = None,
    *,
    keep_going: bool = False,
) -> BuildAttempt:
    """Build the job's programs, which are in `packages`, with one call of cargo for each workspace.

    `keep_going`: compile the others after an error. Raises MissingTool, process.Cancelled.
    """
    programs: dict[str, Path] = {}
    failures: dict[str, HeroBuildError] = {}
    crates: list[CargoMessage] = []
    started = time.time_ns()
    for folder in dict.fromkeys(package.workspace for package in packages.values()):
        group = {name: package for name, package in packages.items() if package.workspace == folder}
        if failures and not keep_going:
            failures |= dict.fromkeys(group, next(iter(failures.values())))
            continue
        own = _job_of(group, job, packages)
        watch = _BuildMessages(group, progress)
        error = _call_cargo(own, group, messages=watch, log=log, cancelled=cancelled, keep_going=keep_going)
        crates += watch.crates
        programs |= watch.programs
        failures |= _failures(own, watch.programs, error)
    return BuildAttempt(programs, failures, crates=tuple(crates), started=started)


def _call_cargo(
    job: CargoJob,
    packages: Mapping[str, CargoPackage],
    messages: "_BuildMessages",
    log: Path,
    cancelled: Callable[[], bool] | None,
    *,
    keep_going: bool,
) -> HeroBuildError | None:
    watch = process.OutputWatch(messages.line, on_stdout=messages.message, log=log, cancelled=cancelled, more=True)
    env = environment(job)
    # An argument, because sccache puts every variable that begins with CARGO_ into its cache keys.
    target = _target_arguments(job, packages, env.pop("CARGO_TARGET_DIR", ""))
    words = (*command(job, packages), *target, *(("--keep-going",) if keep_going else ()))
    folder = _folder(packages)
    result = process.run(words, cwd=folder, env=env, watch=watch)
    return _error(job, built=messages.programs, result=result, folder=folder, log=log)


def _target_arguments(job: CargoJob, packages: Mapping[str, CargoPackage], configured: str) -> tuple[str, ...]:
    """The workspaces of a checkout share a target folder, and all checkouts one, unless something names another.

    None where the recipe's own arguments name one.
    """
    if job.shared_target is not None:
        return (f"{OPTION}={job.shared_target}",)
    if named_by_recipe(job.cargo.args):
        return ()
    tree, folder = job.tree.path, _folder(packages)
    if folder == tree:
        return (f"{OPTION}={configured}",) if configured else ()
    if configured or all(package.target == folder.resolve() / "target" for package in packages.values()):
        return (f"{OPTION}={tree / (configured or 'target')}",)
    return ()


def _folder(packages: Mapping[str, CargoPackage]) -> Path:
    """The folder of the one workspace that the packages are in."""
    return next(iter(packages.values())).workspace


def _job_of(group: Mapping[str, CargoPackage], job: CargoJob, packages: Mapping[str, CargoPackage]) -> CargoJob:
    """The job for one workspace. Where there are several, each gets the features that it has: cargo refuses others."""
    others = [package for name, package in packages.items() if name not in group]
    features = tuple(
        feature
        for feature in job.cargo.features
        if not any(_has_feature(package, feature) for package in others)
        or any(_has_feature(package, feature) for package in group.values())
    )
    return replace(job, programs=tuple(group), cargo=replace(job.cargo, features=features))


def _has_feature(package: CargoPackage, feature: str) -> bool:
    owner, _, name = feature.rpartition("/")
    names = {known for known, _ in package.features}
    return (name in names and owner in ("", package.name)) or owner.removesuffix("?") in package.dependencies


def _failures(job: CargoJob, built: Mapping[str, Path], error: HeroBuildError | None) -> Mapping[str, HeroBuildError]:
    if error is None:
        return {}
    missing = [name for name in job.programs if name not in built]
    return dict.fromkeys(missing or job.programs, error)


def _error(
    job: CargoJob, built: Mapping[str, Path], result: process.ProcessResult, folder: Path, log: Path
) -> HeroBuildError | None:
    missing = [name for name in job.programs if name not in built]
    if result.code:
        sentence = f"cargo could not build {', '.join(missing or job.programs)}"
        return cargo_error(sentence, tail=result.tail, folder=folder, log=log, code=result.code)
    if missing:
        return BuildError(f"cargo built no {', '.join(missing)}", f"See the log: {log}", tail=result.tail, log=log)
    return None


def rerun_scripts(job: CargoJob, target: str | None = None) -> None:
    """Make the next build compile `job.rerun` again, with their build scripts. One that cargo does not know stays.

    Raises MissingTool, process.Cancelled.
    """
    env, tree, triple = environment(job), job.tree.path, target or job.target
    for folder in job.folders if job.rerun else ():
        words = ["cargo", "clean", "--release", *_locked(folder, job), *([f"--target={triple}"] if triple else [])]
        words += named_by_recipe(job.cargo.args)
        if job.shared_target is not None:
            words.append(f"{OPTION}={job.shared_target}")
        elif folder != tree and OPTION not in " ".join(words):
            words.append(f"{OPTION}={tree / (env.get('CARGO_TARGET_DIR') or 'target')}")
        for package in job.rerun:
            with suppress(ToolFailed):
                process.capture((*words, f"--package={package}"), cwd=folder, env=env)


def compile_progress(parts: Sequence[PartId], emit: Emit) -> Progress:
    """A Progress that emits an event for each part that a build makes."""

    def progress(done: int, total: int | None, crate: str) -> None:
        for part in parts:
            emit(CompileProgress(part, done=done, total=total, crate=crate))

    return progress


def command(job: CargoJob, packages: Mapping[str, CargoPackage]) -> tuple[str, ...]:
    """The one cargo call for a job, whose programs are in `packages`, of one workspace."""
    cargo = job.cargo
    words = ["cargo", "zigbuild" if job.zig else "build", "--release", "--message-format=json-render-diagnostics"]
    words += _locked(_folder(packages), job)
    words += [f"--target={job.target}"] if job.target else []
    words += [] if cargo.default_features else ["--no-default-features"]
    words += [f"--features={','.join(cargo.features)}"] if cargo.features else []
    words += [f"--package={spec}" for spec in sorted({package.spec for package in packages.values()})]
    words += [f"--bin={name}" for name in job.programs]
    return (*words, *cargo.args)


def _locked(folder: Path, job: CargoJob) -> tuple[str, ...]:
    """cargo leaves a workspace's lock file as it is, makes a missing one, and may update one that a build made."""
    lock = folder / LOCK
    return ("--locked",) if lock.is_file() and lock not in job.writable_locks else ()


def environment(job: CargoJob) -> dict[str, str]:
    """The environment for cargo: this process's own, the recipe's variables, and sccache where it is available."""
    env = {**toolchain.environment(), **_TERMINAL_SETTINGS, **dict(job.cargo.env)}
    if job.lib is not None:
        env |= {name: value.replace("{lib}", str(job.lib)) for name, value in job.cargo.env}
    if (wrapper := toolchain.sccache(env)) is not None:
        env |= {"RUSTC_WRAPPER": str(wrapper), "SCCACHE_IGNORE_SERVER_IO_ERROR": "1"}
    for name in _needless_wrappers(job, env):
        del env[name]
    return env


def _needless_wrappers(job: CargoJob, env: Mapping[str, str]) -> Sequence[str]:
    """The empty variables for a compiler wrapper, where they override no configuration: with one of them cargo asks
    rustc the same four questions in each call, since it keeps the answers only for a wrapper that is a file.
    """
    empty = [name for name in toolchain.WRAPPERS if env.get(name) == ""]
    if not empty or has_config(job.cargo.args) or configures_wrapper(job.folders, env):
        return ()
    return empty


class _BuildMessages(CargoMessages):
    """The messages of a running cargo; `programs`: those built so far."""

    def __init__(self, packages: Mapping[str, CargoPackage], progress: Progress) -> None:
        super().__init__(progress)
        self.programs: dict[str, Path] = {}
        self._ids = {name: package.id for name, package in packages.items()}

    def crate_done(self, message: CargoMessage) -> None:
        name = message.target.name
        if message.executable and "bin" in message.target.kind and self._ids.get(name) == message.package_id:
            self.programs[name] = Path(message.executable)
