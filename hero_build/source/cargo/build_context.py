"""What a recipe's own `build` works with: the tree, the usual cargo build, and other programs."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from hero_build.errors import BuildError
from hero_build.model.artifacts import Cargo
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import build as cargo_build
from hero_build.source.cargo.build import Progress
from hero_build.system import process


class CargoBuildContext(Struct, frozen=True):
    """The BuildContext of recipe.py. `cancelled`: polled while a program runs; True ends it.

    The output of each step is appended to `log`; the caller deletes an old one. `attempts`: the builds by cargo so far.
    """

    job: CargoJob
    log: Path
    progress: Progress
    cancelled: Callable[[], bool]
    attempts: list[cargo_build.BuildAttempt] = field(default_factory=list)

    @property
    def tree(self) -> Path:
        return self.job.tree.path

    @property
    def lib(self) -> Path | None:
        return self.job.lib

    @property
    def programs(self) -> tuple[str, ...]:
        return self.job.programs

    @property
    def usual(self) -> Cargo:
        return self.job.cargo

    def cargo(self, cargo: Cargo, *programs: str) -> Mapping[str, Path]:
        """Raises BuildError, MissingTool, DiskFull, process.Cancelled."""
        job = replace(self.job, cargo=cargo, programs=programs or self.job.programs)
        done = cargo_build.build_all(job, log=self.log, progress=self.progress, cancelled=self.cancelled)
        self.attempts.append(done)
        return done.programs

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        """Raises BuildError, MissingTool, ToolFailed, process.Cancelled."""
        watch = process.OutputWatch(log=self.log, cancelled=self.cancelled, more=True)
        result = process.run(
            command, cwd=self.tree, env={**cargo_build.environment(self.job), **(env or {})}, watch=watch
        )
        if result.code:
            last = f": {result.tail[-1]}" if result.tail else ""
            sentence = f"`{' '.join(command)}` ended with {result.code}{last}"
            raise BuildError(sentence, f"See the log: {self.log}", tail=result.tail, log=self.log)
