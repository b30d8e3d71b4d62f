"""One `cargo build` for all the programs that are wanted of a tree, and where it put them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, HeroBuildError
from hero_build.events import CompileProgress, Emit
from hero_build.model.installed import PartId
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.errors import cargo_error
from hero_build.source.cargo.messages import CargoMessages, Message
from hero_build.source.cargo.messages import Progress as Progress
from hero_build.source.cargo.metadata import CargoPackage, choose, workspace
from hero_build.system import process

_TERMINAL_SETTINGS = {
    "CARGO_TERM_COLOR": "never",
    "CARGO_TERM_PROGRESS_WHEN": "always",
    "CARGO_TERM_PROGRESS_WIDTH": "160",
    "CARGO_TERM_PROGRESS_TERM_INTEGRATION": "false",
}
"""cargo's own progress bar tells how many crates there are, which nothing else in stable cargo does."""


class BuildAttempt(Struct, frozen=True):
    """The programs that cargo made, and why it did not make the others (None: it made all)."""

    made: Mapping[str, Path]
    error: HeroBuildError | None


def build(
    job: CargoJob, log: Path, progress: Progress, cancelled: Callable[[], bool] | None = None
) -> Mapping[str, Path]:
    """Build; where each program is. All that cargo wrote is at the end of `log`.

    Raises BuildError (with the last 200 lines), MissingTool, DiskFull, process.Cancelled.
    """
    packages = choose(workspace(job.tree.path, environment(job), cancelled), job.programs, job.cargo.packages)
    tried = attempt(job, packages=packages, log=log, progress=progress, cancelled=cancelled)
    if tried.error is not None:
        raise tried.error
    return tried.made


def attempt(
    job: CargoJob,
    packages: Mapping[str, CargoPackage],
    log: Path,
    progress: Progress,
    cancelled: Callable[[], bool] | None = None,
    *,
    keep_going: bool = False,
) -> BuildAttempt:
    """Build the job's programs, which are in `packages`; `keep_going`: what does not compile does not stop the rest.

    Raises MissingTool, process.Cancelled.
    """
    seen = _BuildMessages(packages, progress)
    watch = process.OutputWatch(seen.line, on_stdout=seen.message, log=log, cancelled=cancelled, more=True)
    env = environment(job)
    # As a word: to sccache, a variable that begins with CARGO_ is part of what it caches.
    target = (f"--target-dir={folder}",) if (folder := env.pop("CARGO_TARGET_DIR", "")) else ()
    words = (*command(job, packages), *target, *(("--keep-going",) if keep_going else ()))
    done = process.run(words, cwd=job.tree.path, env=env, watch=watch)
    missing = [name for name in job.programs if name not in seen.made]
    if done.code:
        what = f"cargo could not build {_join(missing or job.programs)}"
        return BuildAttempt(seen.made, cargo_error(what, tail=done.tail, folder=job.tree.path, log=log))
    if missing:
        hint = f"The log says more: {log}"
        return BuildAttempt(seen.made, BuildError(f"cargo built no {_join(missing)}", hint, tail=done.tail, log=log))
    return BuildAttempt(seen.made, None)


def compile_progress(parts: Sequence[PartId], emit: Emit) -> Progress:
    """A Progress that tells of every part that a build makes."""

    def progress(done: int, total: int | None, crate: str) -> None:
        for part in parts:
            emit(CompileProgress(part, done=done, total=total, crate=crate))

    return progress


def command(job: CargoJob, packages: Mapping[str, CargoPackage]) -> tuple[str, ...]:
    """The one call for a job, whose programs are in `packages`."""
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
    """What cargo is started with: this process's environment, the recipe's additions, sccache where there is one."""
    env = {**toolchain.environment(), **_TERMINAL_SETTINGS, **dict(job.cargo.env)}
    if job.lib is not None:
        env |= {name: value.replace("{lib}", str(job.lib)) for name, value in job.cargo.env}
    if (wrapper := toolchain.sccache(env)) is not None:
        env |= {"RUSTC_WRAPPER": str(wrapper), "SCCACHE_IGNORE_SERVER_IO_ERROR": "1"}
    return env


class _BuildMessages(CargoMessages):
    """What the running cargo has told so far."""

    def __init__(self, packages: Mapping[str, CargoPackage], progress: Progress) -> None:
        super().__init__(progress)
        self.made: dict[str, Path] = {}
        self._ids = {name: package.id for name, package in packages.items()}

    def ended(self, message: Message) -> None:
        target, path = message.get("target", {}), message.get("executable")
        if path and "bin" in target["kind"] and self._ids.get(target["name"]) == message["package_id"]:
            self.made[target["name"]] = Path(path)


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)
