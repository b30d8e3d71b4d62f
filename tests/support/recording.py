"""Write the recordings of a terminal in the docs: what a person types in a world of real programs, and what is shown.

`make samples` records one anew where its text differs. tmux is the terminal; rich draws what tmux shows. Each command
appears after the one before it; a viewer that does not play animations shows all of them.
"""

import html
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from support import service_world
from support.doc_runs import DOCS, comparable, docs_world, personal
from support.processes import until
from support.worlds import REPO, World

WIDTH, HEIGHT = 100, 48
STEP, ANSWER = 2.0, 0.7  # seconds from command to command, and to what it prints
PROMPT = "$ "
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
@keyframes appear {{ from, 99% {{ visibility: hidden; }} }}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none !important; }} }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """A picture in docs/ and the steps that it shows: commands, and what happens between them, which nobody sees.

    `world`: the one in which they are typed, below a folder.
    """

    name: str
    world: Callable[[Path], AbstractContextManager[World]]
    steps: tuple[str | Callable[[World], None], ...]

    @property
    def page(self) -> Path:
        return DOCS / f"{self.name}.svg"


@contextmanager
def _docs(folder: Path) -> Iterator[World]:
    yield docs_world(folder)


@contextmanager
def _services(folder: Path) -> Iterator[World]:
    """hero_db, and hero_books, which needs it, both installed; hero_db has a newer release. One service each: those
    that start together have no order.
    """
    world = service_world.empty(folder)
    world.service("hero_db", start_timeout=60.0)
    world.service("hero_books", start_timeout=60.0, attributes='needs = ("hero_db",)')
    (world.recipes / "_sets.py").write_text('SETS = {"core": ("hero_db", "hero_books")}\n')
    _release(world, "v0.3.1")
    world.release_of("hero_books", "v1.2.0")
    world.ok("install", "@core")
    _release(world, "v0.3.2")
    try:
        yield world
    finally:
        world.end()


def _release(world: World, version: str, server: str = "bind-after:300") -> None:
    assert isinstance(world, service_world.ServiceWorld)
    world.release_of("hero_db", version, server)


START = Recording(
    "start",
    _docs,
    (
        "hero-build install hero_proc hero_db@v0.3.1",
        "hero-build outdated",
        "hero-build upgrade",
        "rm ~/hero/bin/hero_db",
        "hero-build status",
        "hero-build verify --repair",
        "hero-build rollback",
    ),
)
SERVICES = Recording(
    "services",
    _services,
    (
        "hero-build start @core",
        "hero-build upgrade",
        lambda world: _release(world, "v0.3.3", "exit:3"),
        "hero-build upgrade",
        "hero-build status hero_db",
        "hero-build stop @core",
    ),
)
RECORDINGS = (START, SERVICES)


def screen(recording: Recording) -> str:
    """What the terminal shows after the commands, with its colours as escape sequences."""
    with tempfile.TemporaryDirectory(prefix="hero-") as folder, recording.world(Path(folder)) as world:
        with _tmux(world) as terminal:
            number = 0
            for step in recording.steps:
                if not isinstance(step, str):
                    step(world)
                    continue
                terminal("send-keys", "-l", step)
                terminal("send-keys", "Enter")
                number += 1
                terminal.await_prompt(number + 1)
            shown = terminal("capture-pane", "-p", "-e", "-N")
        return personal("\n".join(line.rstrip() for line in shown.rstrip().splitlines()[:-1]), world)


def _prompts(shown: str) -> int:
    """The number of prompts, if the last line is one that waits for a command; else 0."""
    lines = shown.rstrip("\n").splitlines()
    while lines and not lines[-1]:
        lines.pop()
    return sum(line.startswith(PROMPT.strip()) for line in lines) if lines and lines[-1].strip() == "$" else 0


@contextmanager
def _tmux(world: World) -> Iterator["_Terminal"]:
    programs = world.folder / "bin"
    programs.mkdir()
    (programs / "hero-build").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hero_build "$@"\n')
    (programs / "hero-build").chmod(0o755)
    environ = {name: text for name, text in world.environ().items() if name not in {"CI", "NO_COLOR", "TMUX"}}
    environ |= {
        "HOME": str(world.folder),
        "HISTFILE": "/dev/null",
        "PS1": PROMPT,
        "PYTHONPATH": str(REPO),
        "PATH": f"{programs}{os.pathsep}{world.root.path / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    terminal = _Terminal(str(world.folder / "tmux"), environ)
    terminal("-f", "/dev/null", "new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), "bash", "--norc")
    try:
        terminal.await_prompt(1)
        yield terminal
    finally:
        terminal("kill-server")


class _Terminal:
    def __init__(self, socket: str, environ: dict[str, str]) -> None:
        self._socket, self._environ = socket, environ

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-S", self._socket, *words]
        return subprocess.run(command, env=self._environ, check=True, capture_output=True, text=True).stdout

    def await_prompt(self, number: int) -> None:
        """Wait until so many prompts are shown, the last of them waiting."""
        assert until(lambda: _prompts(self("capture-pane", "-p")) == number), self("capture-pane", "-p")


def drawn(shown: str, name: str) -> str:
    """The picture of what a terminal shows."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(shown))
    theme = SVG_EXPORT_THEME
    svg = console.export_svg(title="hero-build", theme=theme, code_format=_FORMAT, unique_id=name)
    times = list(_times([Text.from_ansi(line).plain for line in shown.splitlines()]))
    pattern = rf'clip-path="url\(#{name}-line-(\d+)\)"'
    return re.sub(pattern, lambda match: f'{match[0]} style="animation: appear {times[int(match[1])]:.1f}s"', svg)


def _times(lines: Sequence[str]) -> Iterator[float]:
    """For each line the seconds until it appears."""
    number = -1
    for line in lines:
        number += line.startswith(PROMPT)
        yield max(number, 0) * STEP + (0 if line.startswith(PROMPT) else ANSWER)


def written(svg: str, name: str) -> Sequence[str]:
    """The lines of text in the picture."""
    lines: dict[int, str] = {}
    for number, text in re.findall(rf'<text class="{name}-r\d+".*?{name}-line-(\d+)\)".*?>(.*?)</text>', svg):
        lines[int(number)] = lines.get(int(number), "") + html.unescape(text).replace("\xa0", " ")
    return [lines[number] for number in sorted(lines)]


def difference(recording: Recording, shown: str) -> str:
    """What the terminal shows, if the picture does not show it."""
    now = [Text.from_ansi(line).plain for line in shown.splitlines()]
    page = recording.page
    before = written(page.read_text(), recording.name) if page.exists() else ()
    return "" if _dense(before) == _dense(now) else "\n".join(now)


def _dense(lines: Sequence[str]) -> Sequence[str]:
    """The same without spaces: rich draws none between two colours."""
    return [line.replace(" ", "") for line in comparable(lines)]


def renew(recording: Recording) -> bool:
    """Write the picture if it does not show what the terminal shows; whether it was written."""
    shown = screen(recording)
    if not difference(recording, shown):
        return False
    recording.page.write_text(drawn(shown, recording.name))
    return True
