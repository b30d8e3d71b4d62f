"""The results as bars: one group per row on a scale of its own, with a mark where the target is."""

from collections.abc import Iterator
from statistics import quantiles

from bench.canvas import ALARM, EDGE, LINE, SOFT, SPAN, WIDTH, line, picture, text, title
from bench.floors import BARE
from bench.result import HERO, Results, Row, Target, reach, shown, value

_BAR, _STEP, _TITLE, _REACH, _GAP, _TOP = 9, 29, 22, 15, 20, 66
_OURS, _THEIRS, _BARE = "#1f6feb", "#d4863a", "#8c959f"


def svg(results: Results) -> str:
    body: list[str] = []
    y = _TOP
    for row in results.compared:
        name = title(row.title, y + 14, weight=600)
        y += LINE * (len(name) - 1)
        body += [*name, *_group(row, y)]
        y += _TITLE + _REACH * len(row.targets) + _STEP * len(row.samples) + _GAP
    return picture(y, "hero-build beside its peers", [*_legend(), *body])


def _legend() -> Iterator[str]:
    yield text(EDGE, 24, "hero-build beside its peers", size=15, weight=600)
    yield text(EDGE, 42, "medians, shorter is better; each group has a scale of its own", colour=SOFT)
    yield line(EDGE, 52, EDGE + 16, 52, width=1.2, opacity=0.6)
    yield text(EDGE + 22, 56, "middle half of the runs", colour=SOFT, size=11)
    yield line(EDGE + 186, 46, EDGE + 186, 58, width=2, colour=ALARM)
    yield text(EDGE + 194, 56, "target", colour=SOFT, size=11)


def _group(row: Row, y: int) -> Iterator[str]:
    for number, target in enumerate(row.targets):
        yield _verdict(row, target, y + _TITLE + 8 + _REACH * number)
    targets = {target.peer: target for target in reversed(row.targets)}  # a peer's first is the one that is marked
    marks = {peer: _limit(row, target) for peer, target in targets.items()}
    longest = max([*(_half(values)[1] for values in row.samples.values()), *marks.values()])
    for number, peer in enumerate(row.samples):
        top = y + _TITLE + _REACH * len(row.targets) + number * _STEP
        yield from _bar(row, peer=peer, top=top, scale=SPAN / longest)
        if marks.get(peer):
            x = EDGE + marks[peer] * SPAN / longest
            yield line(x, top + 14, x, top + 20 + _BAR, width=2, colour=ALARM)


def _bar(row: Row, peer: str, top: int, scale: float) -> Iterator[str]:
    values, middle = row.samples[peer], top + 17 + _BAR / 2
    length = max(row.middle(peer) * scale, 1.0)
    low, high = (at * scale for at in _half(values))
    yield text(EDGE, top + 12, peer)
    yield text(WIDTH - EDGE, top + 12, shown(row.middle(peer), row.unit), anchor="end")
    yield f'<rect x="{EDGE}" y="{top + 17}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{_colour(peer)}"/>'
    yield line(EDGE + low, middle, EDGE + high, middle, width=1.2, opacity=0.6)


def _verdict(row: Row, target: Target, y: int) -> str:
    at = value(row, target)
    if at is None:
        return text(EDGE, y, f"{reach(row, target)}: not at hand", colour=SOFT, size=11)
    verdict, colour = ("hit", SOFT) if at <= target.most else ("miss", ALARM)
    return text(EDGE, y, f"{reach(row, target)}: {verdict}", colour=colour, size=11)


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
    if peer == BARE:
        return _BARE
    return _OURS if peer == HERO or peer.endswith(" apps") or peer.startswith("among ") else _THEIRS
