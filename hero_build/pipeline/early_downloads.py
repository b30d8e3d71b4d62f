"""Downloads that start as soon as an app is decided, while other apps are still being planned.

They end in the folder of unfinished downloads and no further: what is staged is what the whole plan says, and what it
does not want stays there for the next run, as after an interrupt.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING

from hero_build.context import Context
from hero_build.errors import MachineError
from hero_build.model.decisions import Build, Decision, Download
from hero_build.model.steps import Produced

if TYPE_CHECKING:
    from hero_build.pipeline.produce import Production


class EarlyDownloads:
    """A context manager around a plan and what follows from it; the end of an inner `with` ends the downloads already.

    Where nothing is downloaded, it creates nothing.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stack = ExitStack()
        self._production: Production | None = None

    def __enter__(self) -> "EarlyDownloads":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._production = None
        self._stack.__exit__(kind, error, trace)

    def prepare(self) -> None:
        """Import what a download needs, while the forge has not answered yet."""
        from hero_build.forge import transfer  # noqa: F401
        from hero_build.install import store  # noqa: F401
        from hero_build.pipeline import produce  # noqa: F401
        from hero_build.verify import check, expect  # noqa: F401

    def start(self, decisions: Iterable[Decision]) -> None:
        """Start to fetch what is to be downloaded. Where that is not possible, `results` raises the reason."""
        for item in decisions:
            if isinstance(item, Download):
                with suppress(MachineError):
                    self._opened().start(item)

    def results(self, todo: Sequence[Download | Build]) -> Iterator[Produced]:
        """Yield each part as it is done, whether it was started early or not. Raises MachineError."""
        yield from self._opened().results(todo)

    def _opened(self) -> "Production":
        if self._production is None:
            from hero_build.forge.download_dir import DownloadDir
            from hero_build.pipeline.produce import Production

            downloads = self._stack.enter_context(DownloadDir(self._context.root.partial))
            self._production = self._stack.enter_context(Production(downloads, self._context))
        return self._production
