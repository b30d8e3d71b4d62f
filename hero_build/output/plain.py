"""Progress as plain lines, for pipes and logs: one line when work begins and one when it ends, never one per byte."""

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

_STEPS = {"restart": "restarting", "reset": "not well; restarting it once more", "up": "is up", "down": "is not well"}
Write = Callable[[str], None]


class PlainView:
    """A View that writes a line per event worth one. `verbose` adds the apps that are looked up."""

    def __init__(self, write: Write, *, verbose: bool) -> None:
        self._write = write
        self._verbose = verbose
        self._began: dict[PartId, float] = {}
        self._moved: dict[PartId, int] = {}
        self._got: set[str] = set()
        self._built: dict[PartId, int] = {}
        self._verbs: dict[PartId, str] = {}

    def show(self, event: Event) -> None:
        for line in self._lines(event):
            self._write(line)

    def close(self) -> None:
        """Nothing is left to be tidied up."""

    def _lines(self, event: Event) -> Iterator[str]:
        match event:
            case Planning(app) if self._verbose:
                yield f"{clean(app)}: looking it up"
            case Started(part, verb, version, total):
                self._began[part], self._verbs[part] = time.monotonic(), verb
                self._moved.pop(part, None)
                amount = f", {size(total)}" if total is not None else ""
                amount += " there and back" if amount and verb == "publish" else ""
                yield f"{clean(part)}: {clean(verb)} {clean(version)}{amount}"
            case GitProgress(repo) if repo not in self._got:
                self._got.add(repo)
                yield f"{clean(repo)}: git is getting it"
            case CompileProgress(part, done):
                self._built[part] = done
            case Transferred(part, count):
                self._moved[part] = self._moved.get(part, 0) + count
            case Retrying(what, why, wait):
                yield f"{clean(what)}: {clean(why)}; trying again in {duration(wait)}"
            case Restarting(service, step) if step in _STEPS:
                yield f"{clean(service)}: {_STEPS[step]}"
            case Finished(part):
                yield f"{clean(part)}: {self._ended(part)}"
            case _:
                pass

    def _ended(self, part: PartId) -> str:
        took = f"in {duration(time.monotonic() - self._began.get(part, time.monotonic()))}"
        amount = size(self._moved[part]) if part in self._moved else ""
        match self._verbs.get(part):
            case "build":
                return f"built and verified {took}, {plural(self._built.get(part, 0), 'crate')}"
            case "publish":
                return f"uploaded and proven {took}"
            case _:
                return f"fetched and verified {amount} {took}" if amount else f"done {took}"
