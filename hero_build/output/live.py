"""The live view on a terminal, with rich: a line for each part in progress, and one for the total.

    hero_proc  v0.2.0  verified                              9.1 MB
    hero_db    v0.3.2  ━━━━━━━━━━━━━━━━━━━━────────  12.3 MB / 15.0 MB  8.1 MB/s
    hero_os    4f1c…   ━━━━━━────────────────────  31 of 120 crates  serde_json
    1 of 2 done  21.4 MB / 24.1 MB  9.9 MB/s  0.3 s left

It is erased when the work ends; the command's answer then shows the result.
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
from hero_build.output.text import clean, duration, plural, size, width

_PER_SECOND = 10
_MIN_BAR, _MAX_BAR = 8, 40
_AMOUNT = len("99.9 / 99.9 MB  99.9 MB/s")


class ProgressLine(Struct):
    """The state of one part; events change it. `started`: the time of its first byte."""

    name: str
    version: str
    verb: str
    total: int | None
    started: float | None = None
    transferred: int = 0
    note: str = ""
    finished: bool = False
    failed: bool = False
    crates: tuple[int, int | None, str] | None = None  # of a build: compiled, total, and the current one


class LiveView:
    """A View with rich's Live. Events change values; a thread of rich draws them ten times a second."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._lines: dict[PartId, ProgressLine] = {}
        self._git: dict[str, str] = {}
        self._started = time.monotonic()
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
            case Started(part, verb, version, total, why):
                note = f"{clean(verb)}, because {clean(why)}" if why else ""
                line = ProgressLine(clean(part), version=clean(version), verb=clean(verb), total=total, note=note)
                self._lines[part] = line
            case Transferred(part, count) if part in self._lines:
                line = self._lines[part]
                line.started = line.started or time.monotonic()
                line.transferred, line.note = line.transferred + count, ""
            case CompileProgress(part, done, total, crate) if part in self._lines:
                self._lines[part].crates, self._lines[part].note = (done, total, clean(crate)), ""
            case GitProgress(repo, stage, percent):
                self._git[clean(repo)] = f"{clean(stage)} {percent} %"
            case Retrying(what, why, wait):
                self._retry(clean(what), f"{clean(why)}; trying again in {duration(wait)}")
            case Finished(part) if part in self._lines:
                self._lines[part].finished = True
            case PartFailed(failed) if failed.part in self._lines:
                self._lines[failed.part].failed = True
            case _:
                pass

    def _retry(self, what: str, why: str) -> None:
        """Show it beside its part: `what` is an asset, whose name begins with that of its app."""
        lines = [line for line in self._lines.values() if what.startswith(line.name)]
        if lines:
            max(lines, key=lambda line: len(line.name)).note = why

    def draw(self) -> RenderableType:
        """The current view, in at most as many lines as the terminal has. rich's thread calls it."""
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
            return Group(*texts, _clipped(Text(duration(time.monotonic() - self._started), style="bold")))
        return Group(*texts, _clipped(Text("  ".join(_total(lines, time.monotonic() - self._started)), style="bold")))


class LiveConsole(Console):
    """rich exits when its reader closes the pipe; hero-build continues its work."""

    def on_broken_pipe(self) -> None:
        """Ignore it."""


def _shown(lines: list[ProgressLine], room: int) -> list[ProgressLine]:
    """The lines that fit: parts with progress, then waiting ones, then the last finished; in order of their start."""
    active = [line for line in lines if not (line.finished or line.failed)]
    ranked = [line for line in active if line.started] + [line for line in active if not line.started]
    ranked += reversed([line for line in lines if line.finished or line.failed])
    kept = {id(line) for line in ranked[:room]}
    return [line for line in lines if id(line) in kept]


def _text(line: ProgressLine, name: int, version: int, room: int) -> Text:
    colour = "red" if line.failed else "green" if line.finished else "cyan"
    text = Text.assemble((line.name + " " * (name - width(line.name)), colour), "  ")
    text.append(line.version + " " * (version - width(line.version)) + "  ")
    if line.failed:
        return _clipped(text.append("failed", "red"))
    if line.finished:
        return _clipped(
            text.append("verified", "green").append(f"  {size(line.transferred)}" if line.transferred else "")
        )
    if line.note:
        return _clipped(text.append(line.note, "yellow"))
    bar_width = min(room - text.cell_len - _AMOUNT - 3, _MAX_BAR)
    if line.crates is not None:
        return _clipped(_compile_progress(text, line.crates, bar_width))
    if line.total and bar_width >= _MIN_BAR:
        _bar(text, done=line.transferred, total=line.total, bar_width=bar_width)
    seconds = time.monotonic() - line.started if line.started else 0.0
    return _clipped(text.append("  ".join(_amounts(line.transferred, line.total, seconds))))


def _bar(text: Text, done: int, total: int, bar_width: int) -> None:
    filled = min(max(done, 0) * bar_width // total, bar_width)
    text.append("━" * filled, "cyan").append("─" * (bar_width - filled), "dim").append("  ")


def _compile_progress(text: Text, crates: tuple[int, int | None, str], bar_width: int) -> Text:
    done, total, crate = crates
    if total and bar_width >= _MIN_BAR:
        _bar(text, done=done, total=total, bar_width=bar_width)
    text.append(f"{done} of {plural(total, 'crate')}" if total else plural(done, "crate"))
    return text.append(f"  {crate}" if crate else "")


def _clipped(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _total(lines: list[ProgressLine], seconds: float) -> Iterator[str]:
    finished, failed = sum(line.finished for line in lines), sum(line.failed for line in lines)
    sized = all(line.total is not None for line in lines)
    yield f"{finished} of {len(lines)} done" + (f", {failed} failed" if failed else "")
    total = sum(line.total or 0 for line in lines) if sized else None
    transferred = sum(line.transferred for line in lines)
    yield from _amounts(transferred, total, seconds)
    fraction = transferred / total if total else 0.0
    left = seconds / fraction - seconds if 0 < fraction <= 1 and seconds > 1 else None
    yield duration(seconds) if left is None else f"{duration(left)} left"


def _amounts(transferred: int, total: int | None, seconds: float) -> Iterator[str]:
    if total is not None or transferred:  # a build transfers nothing
        yield size(transferred) if total is None else f"{size(transferred)} / {size(total)}"
    if transferred > 0 and seconds > 0.2:
        yield f"{size(transferred / seconds)}/s"
