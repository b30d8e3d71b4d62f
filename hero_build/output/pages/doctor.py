"""The page of `doctor`."""

from collections.abc import Iterator

from hero_build.output.paper import Ink, Paper
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.text import plural
from hero_build.queries.checkup import Check
from hero_build.queries.doctor import Health

_MARKS: dict[str, tuple[str, Ink]] = {"ok": ("ok", "green"), "warning": ("!", "yellow"), "missing": ("x", "red")}


def page(answer: Health, paper: Paper) -> Iterator[str]:
    yield from table([_row(check) for check in answer.checks], paper)
    hints = [check for check in answer.checks if check.hint]
    yield ""
    yield paper.ink("settings", "dim")
    yield from table([[cell(s.name), cell(s.source, "dim"), cell(s.value)] for s in answer.settings], paper, indent=2)
    if hints:
        yield ""
    for check in hints:
        yield from paragraph(f"{check.name}: {check.hint}", paper, indent="  ")
    yield from paragraph(_summary(answer), paper, ink=("bold",))


def _row(check: Check) -> list[Cell]:
    mark, ink = _MARKS[check.state]
    return [cell(mark, ink), cell(check.name), cell(check.value, *((ink,) if check.state != "ok" else ()))]


def _summary(answer: Health) -> str:
    warnings = sum(check.state == "warning" for check in answer.checks)
    if answer.missing:
        names = ", ".join(check.name for check in answer.missing)
        return f"{plural(len(answer.missing), 'need is', 'needs are')} not met: {names}."
    return "Everything that is needed is there" + (f"; {plural(warnings, 'warning')}." if warnings else ".")
