"""One `cargo build` for all requested programs of a tree, and where cargo put them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, HeroBuildError
from hero_build.events import CompileProgress, Emit
from hero_build.model.installed import PartId
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.errors import cargo_error
from hero_build.source.cargo.messages import CargoMessage, CargoMessages
from hero_build.source.cargo.messages import Progress as Progress
from hero_build.source.cargo.metadata import CargoPackage, choose, workspace
from hero_build.system import process

_TERMINAL_SETTINGS = {
    "CARGO_TERM_COLOR": "never",
    "CARGO_TERM_PROGRESS_WHEN": "always",
    "CARGO_TERM_PROGRESS_WIDTH": "160",
    "CARGO_TERM_PROGRESS_TERM_INTEGRATION": "false",
}
"""cargo's own progress bar is the only place where stable cargo says how many crates there are."""


class BuildAttempt(Struct, frozen=True):
    """The programs that cargo built, by name, and why others are missing (None: it built all)."""

    programs: Mapping[str, Path]
    error: HeroBuildError | None


def build(
    job: CargoJob, log: Path, progress: Progress, cancelled: Callable[[], bool] | None = None
) -> Mapping[str, Path]:
    """Build the job's programs; returns the path of each. cargo's output is appended to `log`.

    Raises BuildError (with the last 200 lines), MissingTool, DiskFull, process.Cancelled.
    """
    packages = choose(workspace(job.tree.path, environment(job), cancelled), job.programs, job.cargo.packages)
    result = attempt(job, packages=packages, log=log, progress=progress, cancelled=cancelled)
    if result.error is not None:
        raise result.error
    return result.programs


def attempt(
    job: CargoJob,
    packages: Mapping[str, CargoPackage],
    log: Path,
    progress: Progress,
    cancelled: Callable[[], bool] | None = None,
    *,
    keep_going: bool = False,
) -> BuildAttempt:
    """Build the job's programs, which are in `packages`; `keep_going`: compile the others after an error.

    Raises MissingTool, process.Cancelled.
    """
    messages = _BuildMessages(packages, progress)
    watch = process.OutputWatch(messages.line, on_stdout=messages.message, log=log, cancelled=cancelled, more=True)
    env = environment(job)
    # An argument, because sccache puts every variable that begins with CARGO_ into its cache keys.
    target = (f"--target-dir={folder}",) if (folder := env.pop("CARGO_TARGET_DIR", "")) else ()
    words = (*command(job, packages), *target, *(("--keep-going",) if keep_going else ()))
    result = process.run(words, cwd=job.tree.path, env=env, watch=watch)
    error = _error(job, built=messages.programs, result=result, log=log)
    return BuildAttempt(messages.programs, error)


def _error(job: CargoJob, built: Mapping[str, Path], result: process.ProcessResult, log: Path) -> HeroBuildError | None:
    missing = [name for name in job.programs if name not in built]
    if result.code:
        sentence = f"cargo could not build {', '.join(missing or job.programs)}"
        return cargo_error(sentence, tail=result.tail, folder=job.tree.path, log=log)
    if missing:
        return BuildError(f"cargo built no {', '.join(missing)}", f"See the log: {log}", tail=result.tail, log=log)
    return None


def compile_progress(parts: Sequence[PartId], emit: Emit) -> Progress:
    """A Progress that emits an event for each part that a build makes."""

    def progress(done: int, total: int | None, crate: str) -> None:
        for part in parts:
            emit(CompileProgress(part, done=done, total=total, crate=crate))

    return progress


def command(job: CargoJob, packages: Mapping[str, CargoPackage]) -> tuple[str, ...]:
    """The one cargo call for a job, whose programs are in `packages`."""
    cargo = job.cargo
    words = ["cargo", "zigbuild" if job.zig else "build", "--release", "--message-format=json-render-diagnostics"]
    words += ["--locked"] if (job.tree.path / "Cargo.lock").is_file() else []
    words += [f"--target={job.target}"] if job.target else []
    words += [] if cargo.default_features else ["--no-default-features"]
    words += [f"--features={','.join(cargo.features)}"] if cargo.features else []
    words += [f"--package={spec}" for spec in sorted({package.spec for package in packages.values()})]
    words += [f"--bin={name}" for name in job.programs]
    return (*words, *cargo.args)


def environment(job: CargoJob) -> dict[str, str]:
    """The environment for cargo: this process's own, the recipe's variables, and sccache where it is available."""
    env = {**toolchain.environment(), **_TERMINAL_SETTINGS, **dict(job.cargo.env)}
    if job.lib is not None:
        env |= {name: value.replace("{lib}", str(job.lib)) for name, value in job.cargo.env}
    if (wrapper := toolchain.sccache(env)) is not None:
        env |= {"RUSTC_WRAPPER": str(wrapper), "SCCACHE_IGNORE_SERVER_IO_ERROR": "1"}
    return env


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
