"""The page of `doctor`."""

from collections.abc import Iterator

from hero_build.output.table import Cell, cell, paragraph, table, whole
from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import plural, size
from hero_build.queries.doctor import DoctorReport
from hero_build.queries.doctor_checks import DoctorCheck

_MARKS: dict[str, tuple[str, Ink]] = {"ok": ("ok", "green"), "warning": ("!", "yellow"), "missing": ("x", "red")}


def page(answer: DoctorReport, terminal: Terminal) -> Iterator[str]:
    yield from table([row for check in answer.checks for row in _rows(check, terminal)], terminal)
    yield ""
    yield terminal.ink("settings", "dim")
    yield from table(
        [[cell(s.name), cell(s.source, "dim"), cell(s.value)] for s in answer.settings], terminal, indent=2
    )
    yield ""
    yield from paragraph(_summary(answer), terminal, ink=("bold",))


def _rows(check: DoctorCheck, terminal: Terminal) -> Iterator[list[Cell]]:
    mark, ink = _MARKS[check.state]
    value = check.value if check.bytes is None else f"{size(check.bytes)}, {check.value}"
    yield [cell(mark, ink), cell(check.name), cell(value, *((ink,) if check.state != "ok" else ()))]
    if check.hint:
        yield [cell(""), cell(""), cell(terminal.advice(check.hint), "dim")]
    if check.command:
        yield [cell(""), cell(""), whole(check.command)]


def _summary(answer: DoctorReport) -> str:
    warnings = sum(check.state == "warning" for check in answer.checks)
    if answer.missing:
        names = ", ".join(check.name for check in answer.missing)
        return f"{plural(len(answer.missing), 'requirement')} not met: {names}."
    return "All requirements are met" + (f"; {plural(warnings, 'warning')}." if warnings else ".")
