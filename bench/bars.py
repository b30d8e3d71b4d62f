"""Where the time goes: a stacked bar for each row that has a profile, all of one length, with its seconds beside it."""

from collections.abc import Iterator

from bench.plot import FONT, INK, PAPER, SOFT, text
from bench.profiles import KINDS, WAITING
from bench.result import Results, Row
from bench.table import shown

_WIDTH, _LEFT, _SPAN = 900, 300, 500
_BAR, _STEP, _TOP = 15, 23, 34
_LEAST = 0.05  # of a bar: a smaller share has no number in it
_COLOURS = {
    "interpreter": "#57606a",
    "imports": "#8c959f",
    "command line and answer": "#c4cad1",
    "planning": "#8250df",
    "network": "#1f6feb",
    "hash": "#0f8a8a",
    "write": "#d4863a",
    "sync": "#b42318",
    "checks": "#2da44e",
    "commit": "#9a6700",
    "git": "#bf3989",
    "cargo": "#6e4a2f",
    WAITING: "#eaeef2",
}
_MORE = ("#4f3a8f", "#a8b400", "#e16f9f", "#3d7a5a")
"""Of other programs, in the order of their names."""
_DARK = ("interpreter", "planning", "network", "hash", "sync", "checks", "commit", "git", "cargo")


def svg(results: Results) -> str:
    rows = [row for row in results.rows if row.profile]
    colours = _colours(rows)
    legend = list(_legend(colours))
    top = _TOP + _STEP * (-(-len(colours) // 4)) + 14
    height = top + _STEP * len(rows) + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
    )
    head += f'font-family="{FONT}" font-size="12" role="img" aria-label="where the time of hero-build goes">'
    body = [line for number, row in enumerate(rows) for line in _bar(row, top + _STEP * number, colours)]
    paper = f'<rect width="{_WIDTH}" height="{height}" fill="{PAPER}"/>'
    return "\n".join([head, paper, *legend, *body, "</svg>"]) + "\n"


def _colours(rows: list[Row]) -> dict[str, str]:
    """Of each kind of work that a row has, in the order of the bars."""
    present = {kind for row in rows for kind in row.profile}
    others = sorted(present - set(_COLOURS))
    known = {kind: _COLOURS[kind] for kind in KINDS if kind in present}
    known |= {kind: _MORE[number % len(_MORE)] for number, kind in enumerate(others)}
    return known | ({WAITING: _COLOURS[WAITING]} if WAITING in present else {})


def _legend(colours: dict[str, str]) -> Iterator[str]:
    yield text(16, 22, "Where the time of hero-build goes", size=15, weight=600)
    for number, (kind, colour) in enumerate(colours.items()):
        x, y = 16 + 218 * (number % 4), _TOP + _STEP * (number // 4)
        yield f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" fill="{colour}"/>'
        yield text(x + 18, y + 10, kind, colour=SOFT)


def _bar(row: Row, y: int, colours: dict[str, str]) -> Iterator[str]:
    total = sum(row.profile.values())
    yield text(_LEFT - 8, y + 12, _short(row.title), anchor="end")
    x = float(_LEFT)
    for kind, colour in colours.items():
        share = row.profile.get(kind, 0.0) / total
        width = _SPAN * share
        if share:
            title = f"<title>{kind}: {shown(row.profile[kind], 's')}</title>"
            yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}">{title}</rect>'
        if share >= _LEAST:
            ink = PAPER if kind in _DARK else INK
            yield text(x + width / 2, y + 12, f"{share:.0%}", anchor="middle", size=10, colour=ink)
        x += width
    yield text(_LEFT + _SPAN + 8, y + 12, shown(total, "s"))


def _short(title: str) -> str:
    """What fits beside the bars."""
    plain = title.replace("`", "")
    return plain if len(plain) <= 40 else f"{plain[:39]}…"
