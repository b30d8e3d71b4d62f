"""Progress as plain lines, for pipes and logs: one when work on a part starts and one when it ends."""

import time
from collections.abc import Callable, Iterator

from hero_build.events import (
    CompileProgress,
    Event,
    Finished,
    GitProgress,
    Planning,
    Restarting,
    Retrying,
    Started,
    Transferred,
)
from hero_build.model.installed import PartId
from hero_build.output.text import clean, duration, plural, size

_STEPS = {
    "restart": "restarting",
    "reset": "not healthy; restarting it once more",
    "up": "is up",
    "down": "is not healthy",
}
Write = Callable[[str], None]


class PlainView:
    """A View that writes lines. `verbose` adds a line for each app that is resolved."""

    def __init__(self, write: Write, *, verbose: bool) -> None:
        self._write = write
        self._verbose = verbose
        self._started: dict[PartId, float] = {}
        self._transferred: dict[PartId, int] = {}
        self._fetching: set[str] = set()
        self._crates: dict[PartId, int] = {}
        self._verbs: dict[PartId, str] = {}

    def show(self, event: Event) -> None:
        for line in self._lines(event):
            self._write(line)

    def close(self) -> None:
        """Nothing to clean up."""

    def _lines(self, event: Event) -> Iterator[str]:
        match event:
            case Planning(app) if self._verbose:
                yield f"{clean(app)}: resolving"
            case Started(part, verb, version, total, why):
                self._started[part], self._verbs[part] = time.monotonic(), verb
                self._transferred.pop(part, None)
                amount = f", {size(total)}" if total is not None else ""
                amount += " to upload and download" if amount and verb == "publish" else ""
                reason = f", because {clean(why)}" if why else ""
                yield f"{clean(part)}: {clean(verb)} {clean(version)}{amount}{reason}"
            case GitProgress(repo) if repo not in self._fetching:
                self._fetching.add(repo)
                yield f"{clean(repo)}: fetching with git"
            case CompileProgress(part, done):
                self._crates[part] = done
            case Transferred(part, count):
                self._transferred[part] = self._transferred.get(part, 0) + count
            case Retrying(what, why, wait):
                yield f"{clean(what)}: {clean(why)}; trying again in {duration(wait)}"
            case Restarting(service, step) if step in _STEPS:
                yield f"{clean(service)}: {_STEPS[step]}"
            case Finished(part):
                yield f"{clean(part)}: {self._ended(part)}"
            case _:
                pass

    def _ended(self, part: PartId) -> str:
        took = f"in {duration(time.monotonic() - self._started.get(part, time.monotonic()))}"
        amount = size(self._transferred[part]) if part in self._transferred else ""
        match self._verbs.get(part):
            case "build":
                return f"built and verified {took}, {plural(self._crates.get(part, 0), 'crate')}"
            case "restore":
                return f"taken from the store {took}"
            case "publish" | "upload":
                return f"uploaded and verified {took}"
            case _:
                return f"downloaded and verified {amount} {took}" if amount else f"done {took}"
