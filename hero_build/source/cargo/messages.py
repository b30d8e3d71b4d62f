"""What a running cargo reports: its progress in lines for people, its results in JSON messages for programs."""

import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from hero_build.system.decoding import prepared

_PROGRESS_BAR = re.compile(r"^\s*Building \[[^]]*\] (\d+)/(\d+)(?:: ([^,(\s]+))?")
_CRATE_LINE = re.compile(r"^\s+(?:Compiling|Checking|Building) (\S+) v\d")
_CRATE_DONE = ("compiler-artifact", "build-script-executed")

Progress = Callable[[int, int | None, str], None]
"""Called with the crates done, the crates in all (None: not known yet), and the name of one in progress."""


class CargoTarget(Struct, frozen=True):
    """A target of a package: its name and its kinds (`bin`, `cdylib`, …)."""

    name: str = ""
    kind: tuple[str, ...] = ()


class Diagnostic(Struct, frozen=True):
    """A message of rustc (The rustc book, JSON Output). `rendered`: as a terminal shows it."""

    level: str = ""
    rendered: str | None = None


class CargoMessage(Struct, frozen=True):
    """One of cargo's JSON messages (The Cargo Book, External tools): the fields that hero-build reads."""

    reason: str
    package_id: str = ""
    target: CargoTarget = CargoTarget()
    filenames: tuple[str, ...] = ()
    executable: str | None = None
    manifest_path: str = ""
    out_dir: str = ""
    message: Diagnostic | None = None


_DECODER = msgspec.json.Decoder(prepared(CargoMessage))


class CargoMessages:
    """Reports progress, and passes messages on to `crate_done` and `other`, which a subclass overrides.

    `crates`: the messages of crates and build scripts that are done.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.crates: list[CargoMessage] = []
        self._state: tuple[int, int | None, str] = (0, None, "")

    def line(self, text: str) -> None:
        """A line of stderr: the progress bar, or `Compiling NAME vVERSION`."""
        done, total, crate = self._state
        if bar := _PROGRESS_BAR.match(text.removeprefix("\x1b[K")):
            self._report(max(done, int(bar[1])), int(bar[2]), bar[3] or crate)
        elif compiling := _CRATE_LINE.match(text):
            self._report(done, total, compiling[1])

    def message(self, text: str) -> None:
        """A line of stdout: one of cargo's messages, or something else that a build prints, which is ignored."""
        try:
            message = _DECODER.decode(text)
        except ValueError:
            return
        if message.reason not in _CRATE_DONE:
            self.other(message)
            return
        self.crate_done(message)
        self.crates.append(message)
        done, total, crate = self._state
        self._report(max(done, len(self.crates)), total, crate)

    def crate_done(self, message: CargoMessage) -> None:
        """Handle a `compiler-artifact` or `build-script-executed`."""

    def other(self, message: CargoMessage) -> None:
        """Handle any other message."""

    def _report(self, done: int, total: int | None, crate: str) -> None:
        state = (done if total is None else min(done, total), total, crate)
        if state != self._state:
            self._state = state
            self._progress(*state)
