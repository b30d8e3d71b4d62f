"""What an interrupt says of the root: that nothing changed, or which generation was committed before it."""

from pathlib import Path

from hero_build import manifest
from hero_build.cli.signals import SAFE
from hero_build.errors import DiskFull, HeroBuildError, MachineError, NotWritable
from hero_build.output.terminal import program

_OF_THE_MACHINE = (MachineError, NotWritable, DiskFull)
_GOES_ON = "What the supervisor was asked for goes on: `hero-build status` shows it. Run it again to wait for its end."


class RootWatch:
    """The generation with which a command started; of a command that changes no root it knows nothing.

    `root_flag`: the --root that was typed, for the undo command. `services`: the command starts or stops services.
    """

    def __init__(self, *, services: bool = False) -> None:
        self._services = services
        self._root: Path | None = None
        self._before: str | None = None
        self._root_flag: str | None = None

    def start(self, root: Path, root_flag: str | None) -> None:
        self._root, self._root_flag, self._before = root, root_flag, _generation(root)

    def message_and_hint(self, interrupted: str) -> tuple[str, str]:
        """`interrupted`: what the signal is called."""
        if self._services:
            return interrupted, _GOES_ON
        after = _generation(self._root) if self._root else None
        if self._before is None or after is None:
            return interrupted, SAFE
        if after == self._before:
            state = "nothing is installed" if after == "0" else f"still generation {after}"
            return f"{interrupted}; nothing changed: {state}", "Downloaded data is kept: run it again to continue."
        name = program(self._root_flag)
        hint = f"`{name} diff {self._before} {after}` shows it. Undo: {name} rollback {self._before}"
        return f"{interrupted} after generation {after} was committed", hint

    def explained(self, error: HeroBuildError) -> HeroBuildError:
        """The error of a machine that failed after the commit says so: what is installed is new and whole."""
        after = _generation(self._root) if self._root else None
        if type(error) not in _OF_THE_MACHINE or None in (self._before, after) or after == self._before:
            return error
        hint = f"{error.hint} `{program(self._root_flag)} diff {self._before} {after}` shows what was committed."
        return type(error)(f"{error.message}; generation {after} was committed before that", hint.strip())


def _generation(root: Path) -> str | None:
    """The number of the current generation, `0` before the first; None: it cannot be read."""
    try:
        folder = manifest.current(root)
    except HeroBuildError:
        return None
    return folder.name if folder is not None else "0"
