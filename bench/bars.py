"""Where the time goes: a stacked bar for each row that has a profile, all of one length, with its seconds beside it."""

from collections.abc import Iterator

from bench.canvas import EDGE, LINE, PAPER, SOFT, SPAN, WIDTH, picture, text, title
from bench.kinds import KINDS, WAITING
from bench.result import Results, Row, shown

_BAR, _STEP, _TOP, _COLUMNS = 15, 40, 36, 2
_NUMBER = 64  # the seconds beside a title, with some room
_LEAST = 0.07  # of a bar: a smaller share has no number in it
_DARK_INK = "#1f2329"
_COLOURS = {
    "interpreter": "#57606a",
    "imports": "#8c959f",
    "command line and answer": "#c4cad1",
    "progress lines": "#e8c8a0",
    "starting threads": "#5c6b3c",
    "planning": "#8250df",
    "unpacking": "#b083f0",
    "network": "#1f6feb",
    "hash": "#0f8a8a",
    "write": "#d4863a",
    "sync": "#b42318",
    "checks": "#2da44e",
    "commit": "#9a6700",
    "services and supervisor": "#5fb3d9",
    "server": "#3e7cb1",
    "client and connection": "#b6d4ee",
    "script": "#e3b341",
    "layout and styles": "#c06ba8",
    "browser": "#7d6b91",
    "nginx": "#2f6f4f",
    "kernel": "#a2546a",
    "ansible-playbook": "#4f5bd5",
    "ssh": "#8fa3ff",
    "git": "#bf3989",
    "cargo": "#6e4a2f",
    "sccache": "#a8b400",
    "rustc": "#c8553d",
    "linker": "#4f3a8f",
    "build scripts": "#e16f9f",
    "wasm-opt": "#3d7a5a",
    "wasm-bindgen": "#7fb069",
    "other programs": "#a38560",
    WAITING: "#d8dee4",
}
_UNNAMED = "#77808a"
_LIGHT = (
    *("command line and answer", "progress lines", "write", "client and connection"),
    *("script", "ssh", "wasm-bindgen", "sccache"),
)
"""Colours with dark figures in them."""


def svg(results: Results) -> str:
    rows = [row for row in results.rows if row.profile]
    colours = _colours(rows)
    top = _TOP + 20 * (-(-len(colours) // _COLUMNS)) + 14
    bars, y = list[str](), top
    for row in rows:
        name = title(row.title, y + 12, beside=_NUMBER)
        y += LINE * (len(name) - 1)
        bars += [*name, *_bar(row, y, colours)]
        y += _STEP
    return picture(y + 10, "where the time of hero-build goes", [*_legend(colours), *bars])


def _colours(rows: list[Row]) -> dict[str, str]:
    """Of each kind of work that a row has, in the order of the bars."""
    present = {kind for row in rows for kind in row.profile}
    order = [*KINDS, *sorted(present - {*KINDS, WAITING}), WAITING]
    return {kind: _COLOURS.get(kind, _UNNAMED) for kind in order if kind in present}


def _legend(colours: dict[str, str]) -> Iterator[str]:
    yield text(EDGE, 24, "Where the time of hero-build goes", size=15, weight=600)
    for number, (kind, colour) in enumerate(colours.items()):
        x, y = EDGE + SPAN // _COLUMNS * (number % _COLUMNS), _TOP + 20 * (number // _COLUMNS)
        yield f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" fill="{colour}"/>'
        yield text(x + 18, y + 10, kind, colour=SOFT)


def _bar(row: Row, y: int, colours: dict[str, str]) -> Iterator[str]:
    total = sum(row.profile.values())
    yield text(WIDTH - EDGE, y + 12, shown(total, "s"), anchor="end")
    x = float(EDGE)
    for kind, colour in colours.items():
        share = row.profile.get(kind, 0.0) / total
        width = SPAN * share
        if share:
            hint = f"<title>{kind}: {shown(row.profile[kind], 's')}</title>"
            yield f'<rect x="{x:.1f}" y="{y + 17}" width="{width:.1f}" height="{_BAR}" fill="{colour}">{hint}</rect>'
        if share >= _LEAST:
            ink = _DARK_INK if kind in (*_LIGHT, WAITING) else PAPER
            style = f'text-anchor="middle" font-size="10" fill="{ink}"'
            yield f'<text x="{x + width / 2:.1f}" y="{y + 29}" {style}>{share:.0%}</text>'
        x += width
