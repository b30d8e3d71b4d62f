"""The live view on a terminal, on rich: a line per part that is worked on, and one for everything.

    hero_proc  v0.2.0  verified                              9.1 MB
    hero_db    v0.3.2  ━━━━━━━━━━━━━━━━━━━━────────  12.3 MB / 15.0 MB  8.1 MB/s
    hero_os    4f1c…   ━━━━━━────────────────────  31 of 120 crates  serde_json
    1 of 2 done  21.4 MB / 24.1 MB  9.9 MB/s  0.3 s left

It is erased when the work ends: what changed is told afterwards, as a result.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, TextIO

from msgspec import Struct
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from hero_build.events import CompileProgress, Event, Finished, GitProgress, PartFailed, Retrying, Started, Transferred
from hero_build.model.installed import PartId
from hero_build.output.terminal import columns
from hero_build.output.text import clean, duration, size, width

_PER_SECOND = 10
_LEAST_BAR, _LONGEST_BAR = 8, 40
_AMOUNT = len("99.9 / 99.9 MB  99.9 MB/s")


class ProgressLine(Struct):
    """A part on the screen; it changes with every event about it. `began`: when its first byte came."""

    name: str
    version: str
    verb: str
    total: int | None
    began: float | None = None
    moved: int = 0
    note: str = ""
    ended: bool = False
    broken: bool = False
    crates: tuple[int, int | None, str] | None = None  # of a build: done, in all, and one that is under way


class LiveView:
    """A View over rich's Live. Events only change numbers; rich's own thread draws them ten times a second."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._lines: dict[PartId, ProgressLine] = {}
        self._git: dict[str, str] = {}
        self._began = time.monotonic()
        system: Literal["auto"] | None = "auto" if colour else None
        self.console = LiveConsole(file=stream, force_terminal=True, color_system=system, highlight=False)
        self._live = Live(
            get_renderable=self.draw, console=self.console, refresh_per_second=_PER_SECOND, transient=True
        )
        self._live.start()

    def close(self) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        match event:
            case Started(part, verb, version, total):
                self._lines[part] = ProgressLine(clean(part), version=clean(version), verb=clean(verb), total=total)
            case Transferred(part, count) if part in self._lines:
                line = self._lines[part]
                line.began = line.began or time.monotonic()
                line.moved, line.note = line.moved + count, ""
            case CompileProgress(part, done, total, crate) if part in self._lines:
                self._lines[part].crates = (done, total, clean(crate))
            case GitProgress(repo, stage, percent):
                self._git[clean(repo)] = f"{clean(stage)} {percent} %"
            case Retrying(what, why, wait):
                self._retry(clean(what), f"{clean(why)}; trying again in {duration(wait)}")
            case Finished(part) if part in self._lines:
                self._lines[part].ended = True
            case PartFailed(failed) if failed.part in self._lines:
                self._lines[failed.part].broken = True
            case _:
                pass

    def _retry(self, what: str, why: str) -> None:
        """Tell it beside the part that it is about: `what` is an asset, whose name begins with its app's."""
        near = [line for line in self._lines.values() if what.startswith(line.name)]
        if near:
            max(near, key=lambda line: len(line.name)).note = why

    def draw(self) -> RenderableType:
        """What the screen shows now, in as many lines as it has; called by rich's thread."""
        with suppress(OSError, ValueError):
            self.console.size = (columns(self._stream, os.environ), os.get_terminal_size(self._stream.fileno()).lines)
        lines = list(self._lines.values())
        room = max(self.console.height - 2, 1)
        shown = _shown(lines, room)
        name = max((width(line.name) for line in shown), default=0)
        version = max((width(line.version) for line in shown), default=0)
        texts = [_text(line, name=name, version=version, room=self.console.width) for line in shown]
        if not lines:
            texts = [_clipped(Text(f"{repo}  {stage}")) for repo, stage in list(self._git.items())[-room:]]
        return Group(*texts, _clipped(Text("  ".join(_sum(lines, time.monotonic() - self._began)), style="bold")))


class LiveConsole(Console):
    """rich ends the program when its reader has gone; the work goes on here, unseen."""

    def on_broken_pipe(self) -> None:
        """Say nothing more."""


def _shown(lines: list[ProgressLine], room: int) -> list[ProgressLine]:
    """What has room: parts that move before those that wait, then those that ended last; in the order of beginning."""
    busy = [line for line in lines if not (line.ended or line.broken)]
    wanted = [line for line in busy if line.began] + [line for line in busy if not line.began]
    wanted += reversed([line for line in lines if line.ended or line.broken])
    kept = {id(line) for line in wanted[:room]}
    return [line for line in lines if id(line) in kept]


def _text(line: ProgressLine, name: int, version: int, room: int) -> Text:
    colour = "red" if line.broken else "green" if line.ended else "cyan"
    text = Text.assemble((line.name + " " * (name - width(line.name)), colour), "  ")
    text.append(line.version + " " * (version - width(line.version)) + "  ")
    if line.broken:
        return _clipped(text.append("failed", "red"))
    if line.ended:
        return _clipped(text.append("verified", "green").append(f"  {size(line.moved)}" if line.moved else ""))
    if line.note:
        return _clipped(text.append(line.note, "yellow"))
    long = min(room - text.cell_len - _AMOUNT - 3, _LONGEST_BAR)
    if line.crates is not None:
        return _clipped(_compiling(text, line.crates, long))
    if line.total and long >= _LEAST_BAR:
        _bar(text, done=line.moved, total=line.total, long=long)
    seconds = time.monotonic() - line.began if line.began else 0.0
    return _clipped(text.append("  ".join(_amounts(line.moved, line.total, seconds))))


def _bar(text: Text, done: int, total: int, long: int) -> None:
    filled = min(max(done, 0) * long // total, long)
    text.append("━" * filled, "cyan").append("─" * (long - filled), "dim").append("  ")


def _compiling(text: Text, crates: tuple[int, int | None, str], long: int) -> Text:
    done, total, crate = crates
    if total and long >= _LEAST_BAR:
        _bar(text, done=done, total=total, long=long)
    text.append(f"{done} of {total} crates" if total else f"{done} crates")
    return text.append(f"  {crate}" if crate else "")


def _clipped(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _sum(lines: list[ProgressLine], seconds: float) -> Iterator[str]:
    ended, broken = sum(line.ended for line in lines), sum(line.broken for line in lines)
    known = all(line.total is not None for line in lines)
    yield f"{ended} of {len(lines)} done" + (f", {broken} failed" if broken else "")
    total = sum(line.total or 0 for line in lines) if known else None
    moved = sum(line.moved for line in lines)
    yield from _amounts(moved, total, seconds)
    left = (total - moved) * seconds / moved if total and 0 < moved <= total and seconds > 1 else None
    yield duration(seconds) if left is None else f"{duration(left)} left"


def _amounts(moved: int, total: int | None, seconds: float) -> Iterator[str]:
    if total is not None or moved:  # a build moves nothing
        yield size(moved) if total is None else f"{size(moved)} / {size(total)}"
    if moved > 0 and seconds > 0.2:
        yield f"{size(moved / seconds)}/s"
