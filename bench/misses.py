"""What a row misses its target by: the floor of its work, and what hero-build spends beside it."""

from collections.abc import Iterator

from bench.result import Floor, Results, Row, Target, shown, value

_HEAD = """
## Misses

The floor is what nobody can leave out, measured in the same run. The sentences are made of the figures. Of a cold build
the floor is the processor time of what compiles, shared by all cores, and the time for which cores are idle, by the
kernel's account, while cargo waits for one crate before it can start the next. What a cold build takes beside its floor
is shared by the cores, too, so that both add up to the time of the run that was sampled.

"""
_NAMED = 4  # of the largest parts of the time
_LEAST = 0.002  # of the time: what takes less is not named


def section(results: Results) -> str:
    """A sentence for each row that misses a target, or one that none does."""
    lines = [f"- {sentence}" for row in results.compared for sentence in _sentences(row)]
    return _HEAD + "\n".join(lines or ["No row misses its target."]) + "\n"


def missed(row: Row) -> tuple[Target, ...]:
    return tuple(target for target in row.targets if (at := value(row, target)) is not None and at > target.most)


def _sentences(row: Row) -> Iterator[str]:
    targets = missed(row)
    if not targets:
        return
    peer, *_ = {target.peer: None for target in targets}
    took = row.middle(peer)
    reached = " and ".join(f"{_ratio(row, target)} (target: ≤ {target.most:.3g})" for target in targets)
    parts = [f"**{row.title}**: {peer} takes {shown(took, row.unit)}, {reached}."]
    if row.floor is not None:
        parts.append(_floor(row, targets, took))
    if spent := _spent(row, took):
        parts.append(spent)
    yield " ".join(parts)


def _ratio(row: Row, target: Target) -> str:
    at = value(row, target)
    return f"{at:.2f} × {target.against}" if target.against else shown(at or 0.0, row.unit)


def _floor(row: Row, targets: tuple[Target, ...], took: float) -> str:
    assert row.floor is not None
    least, compared = row.floor.seconds, [target for target in targets if target.against in row.samples]
    ratios = " and ".join(f"{least / row.middle(target.against):.2f} × {target.against}" for target in compared)
    above = took - least
    distance = f"{shown(above, row.unit)} above it" if above > 0 else "not above it"
    sentence = f"The floor is {shown(least, row.unit)}" + (f", {ratios}," if ratios else "") + f" for {row.floor.what}"
    below = [target for target in compared if least > target.most * row.middle(target.against)]
    reason = " The target lies below the floor." if below and len(below) == len(compared) else ""
    return f"{sentence}: hero-build is {distance}.{reason}"


def _spent(row: Row, took: float) -> str:
    """The largest parts of its time that are no part of the floor."""
    if row.floor is not None and row.floor.above:
        return _above(row, row.floor)
    outside = row.floor.kinds if row.floor is not None else ()
    scale = took / sum(row.profile.values()) if row.profile else 0.0
    rest = sorted(((spent, kind) for kind, spent in row.profile.items() if kind not in outside), reverse=True)
    large = [(spent * scale, kind) for spent, kind in rest[:_NAMED] if spent * scale >= _LEAST * took]
    named = [f"{kind} {shown(spent, row.unit)}" for spent, kind in large]
    if not named:
        return ""
    return f"{'Beside it' if outside else 'Of its time'}: {', '.join(named)}."


def _above(row: Row, floor: Floor) -> str:
    """Of a row whose floor and the rest are the time of one run, which need not be that of the median."""
    rest = sorted(((spent, name) for name, spent in floor.above.items()), reverse=True)
    named = [f"{name} {shown(spent, row.unit)}" for spent, name in rest if spent >= _LEAST * floor.seconds / 2]
    whole = shown(sum(floor.above.values()), row.unit)
    return f"In the run that was sampled, {whole} were beside the floor: {', '.join(named)}."
