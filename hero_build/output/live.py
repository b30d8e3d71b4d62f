"""The live view on a terminal, on rich: a line per part that is worked on, and one for everything.

    hero_db    v0.3.2  ━━━━━━━━━━━━━━━━━━━━  12.3 / 15.0 MB  8.1 MB/s
    hero_proc  v0.2.0  verified
    2 of 30 done  27.3 / 240 MB  92.0 MB/s  2 s

It is erased when the work ends: what changed is told afterwards, as a result.
"""

import time
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hero_build.events import Began, Broke, Event, Finished, Moved, Retrying
from hero_build.output.text import clean, duration, size
from hero_build.record import PartId

_PER_SECOND = 10
_BAR = 24


@dataclass(slots=True)
class _Line:
    """A part on the screen; it changes with every event about it."""

    name: str
    version: str
    verb: str
    total: int | None
    began: float
    moved: int = 0
    note: str = ""
    ended: bool = False
    broken: bool = False


class LiveView:
    """A View over rich's Live. Events only change numbers; rich's own thread draws them ten times a second."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._console = Console(file=stream, force_terminal=True, no_color=not colour, highlight=False)
        self._lines: dict[PartId, _Line] = {}
        self._began = time.monotonic()
        self._live = Live(
            get_renderable=self.draw, console=self._console, refresh_per_second=_PER_SECOND, transient=True
        )
        self._live.start()

    def close(self) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        match event:
            case Began(part, verb, version, total):
                self._lines[part] = _Line(clean(part), clean(version), clean(verb), total, time.monotonic())
            case Moved(part, count) if part in self._lines:
                line = self._lines[part]
                line.moved, line.note = line.moved + count, ""
            case Retrying(what, why, wait):
                self._retry(clean(what), f"{clean(why)}; trying again in {duration(wait)}")
            case Finished(part) if part in self._lines:
                self._lines[part].ended = True
            case Broke(failed) if failed.part in self._lines:
                self._lines[failed.part].broken = True
            case _:
                pass

    def _retry(self, what: str, why: str) -> None:
        line = next((line for line in self._lines.values() if line.name == what or line.name in what), None)
        if line is not None:
            line.note = why

    def draw(self) -> RenderableType:
        """What the screen shows now; called by rich's thread."""
        lines = list(self._lines.values())
        page = Table.grid(padding=(0, 2, 0, 0), expand=False)
        for _ in range(4):
            page.add_column(no_wrap=True, overflow="ellipsis")
        for line in self._shown(lines):
            page.add_row(*_cells(line, self._console.width))
        outer = Table.grid()
        outer.add_row(page)
        outer.add_row(Text(self._sum(lines), style="bold", no_wrap=True, overflow="ellipsis"))
        return outer

    def _shown(self, lines: list[_Line]) -> list[_Line]:
        """As many lines as the screen has room for: what is under way first, then the last that ended."""
        room = max(self._console.height - 3, 1)
        busy = [line for line in lines if not (line.ended or line.broken)][:room]
        rest = [line for line in lines if line.ended or line.broken]
        return (rest[-(room - len(busy)) :] if len(busy) < room else []) + busy

    def _sum(self, lines: list[_Line]) -> str:
        ended = sum(line.ended for line in lines)
        broken = sum(line.broken for line in lines)
        moved = sum(line.moved for line in lines)
        known = all(line.total is not None for line in lines)
        total = sum(line.total or 0 for line in lines)
        seconds = time.monotonic() - self._began
        words = [f"{ended} of {len(lines)} done" + (f", {broken} failed" if broken else "")]
        words.append(_amount(moved, total if known else None))
        words.append(_rate(moved, seconds))
        words.append(duration(seconds))
        return "  ".join(words)


def _cells(line: _Line, width: int) -> tuple[RenderableType, ...]:
    name = Text(line.name, style="red" if line.broken else "green" if line.ended else "cyan")
    if line.broken:
        return name, Text(line.version), Text("failed", style="red"), Text("")
    if line.ended:
        return name, Text(line.version), Text("verified", style="green"), Text(size(line.moved) if line.moved else "")
    if line.note:
        return name, Text(line.version), Text("waiting", style="yellow"), Text(line.note, style="yellow")
    amount = Text(f"{_amount(line.moved, line.total)}  {_rate(line.moved, time.monotonic() - line.began)}")
    return name, Text(line.version), _bar(line, width), amount


def _bar(line: _Line, width: int) -> RenderableType:
    if not line.total:
        return Text(line.verb, style="dim")
    return ProgressBar(total=line.total, completed=min(line.moved, line.total), width=_BAR if width < 120 else 2 * _BAR)


def _amount(moved: int, total: int | None) -> str:
    return size(moved) if total is None else f"{size(moved)} / {size(total)}"


def _rate(moved: int, seconds: float) -> str:
    return f"{size(moved / seconds)}/s" if moved and seconds > 0.2 else ""
