"""What a recipe's own `build` works with: the tree, cargo as everywhere, and other programs through the one door."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import BuildError
from hero_build.model.artifacts import Cargo
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import build as calls
from hero_build.source.cargo.build import Progress
from hero_build.system import process


class CargoBuildContext(Struct, frozen=True):
    """The BuildContext of recipe.py. `cancelled`: asked while a program runs; True ends it.

    What each step writes is added to `log`, which whoever makes the workbench begins.
    """

    job: CargoJob
    log: Path
    progress: Progress
    cancelled: Callable[[], bool]

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
        return calls.build(job, log=self.log, progress=self.progress, cancelled=self.cancelled)

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        """Raises BuildError, MissingTool, ToolFailed, process.Cancelled."""
        watch = process.OutputWatch(log=self.log, cancelled=self.cancelled, more=True)
        done = process.run(command, cwd=self.tree, env={**calls.environment(self.job), **(env or {})}, watch=watch)
        if done.code:
            said = f": {done.tail[-1]}" if done.tail else ""
            sentence = f"`{' '.join(command)}` ended with {done.code}{said}"
            raise BuildError(sentence, f"The log says more: {self.log}", tail=done.tail, log=self.log)
