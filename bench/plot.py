"""The results as bars: one group per row on a scale of its own, with a mark where the target is."""

from collections.abc import Iterator
from html import escape
from statistics import quantiles

from bench.result import HERO, Results, Row, Target, value
from bench.table import reach, shown

_WIDTH, _LEFT, _RIGHT = 900, 210, 250
_BAR, _STEP, _TITLE, _GAP, _TOP = 13, 19, 24, 20, 58
_SPAN = _WIDTH - _LEFT - _RIGHT
INK, SOFT, PAPER, _MARK = "#1f2328", "#656d76", "#ffffff", "#b42318"
_OURS, _THEIRS, _BARE = "#1f6feb", "#d4863a", "#8c959f"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def svg(results: Results) -> str:
    body: list[str] = []
    y = _TOP
    for row in results.compared:
        body += _group(row, y)
        y += _TITLE + _STEP * len(row.samples) + _GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" '
    head += f'font-family="{FONT}" font-size="12" role="img" aria-label="hero-build beside its peers">'
    terminal = f'<rect width="{_WIDTH}" height="{y}" fill="{PAPER}"/>'
    return "\n".join([head, terminal, *_legend(), *body, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    yield text(16, 24, "hero-build beside its peers: medians, shorter is better", size=15, weight=600)
    yield text(16, 42, "thin lines: the middle half of the runs; each group has a scale of its own", colour=SOFT)
    yield f'<line x1="478" y1="32" x2="478" y2="46" stroke="{_MARK}" stroke-width="2"/>'
    yield text(486, 42, "target", colour=SOFT)


def _group(row: Row, y: int) -> Iterator[str]:
    yield text(16, y + 14, row.title.replace("`", ""), weight=600)
    targets = {target.peer: target for target in reversed(row.targets)}  # a peer's first is the one that is shown
    marks = {peer: _limit(row, target) for peer, target in targets.items()}
    longest = max([*(_half(values)[1] for values in row.samples.values()), *marks.values()])
    scale = _SPAN / longest
    for number, peer in enumerate(row.samples):
        top = y + _TITLE + number * _STEP
        yield from _bar(row, peer=peer, top=top, scale=scale)
        if peer in marks:
            yield from _target(row, target=targets[peer], top=top, at=marks[peer] * scale)


def _bar(row: Row, peer: str, top: int, scale: float) -> Iterator[str]:
    values, middle = row.samples[peer], top + _BAR / 2
    length = row.middle(peer) * scale
    low, high = (at * scale for at in _half(values))
    yield text(_LEFT - 8, top + 11, peer, anchor="end")
    yield f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{_colour(peer)}"/>'
    yield (
        f'<line x1="{_LEFT + low:.1f}" y1="{middle}" x2="{_LEFT + high:.1f}" y2="{middle}" '
        f'stroke="{INK}" stroke-opacity="0.55" stroke-width="1.2"/>'
    )
    yield text(_LEFT + _SPAN + 10, top + 11, shown(row.middle(peer), row.unit))


def _target(row: Row, target: Target, top: int, at: float) -> Iterator[str]:
    x = _LEFT + at
    yield f'<line x1="{x:.1f}" y1="{top - 3}" x2="{x:.1f}" y2="{top + _BAR + 3}" stroke="{_MARK}" stroke-width="2"/>'
    found = value(row, target)
    if found is not None:
        verdict, colour = ("hit", SOFT) if found <= target.most else ("miss", _MARK)
        yield text(_LEFT + _SPAN + 70, top + 11, f"{reach(row, target)}: {verdict}", colour=colour)


def _half(values: tuple[float, ...]) -> tuple[float, float]:
    """Between which two values the middle half of them lies."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return low, high


def _limit(row: Row, target: Target) -> float:
    """Where the target lies on the row's own axis; nowhere (0) when its peer was not there."""
    if not target.against:
        return target.most
    return target.most * row.middle(target.against) if target.against in row.samples else 0.0


def _colour(peer: str) -> str:
    if peer == "mise":
        return _THEIRS
    return _OURS if peer == HERO or peer.endswith(" apps") or peer.startswith("among ") else _BARE


def text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, weight: int = 400, colour: str = INK
) -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(words)}</text>'
