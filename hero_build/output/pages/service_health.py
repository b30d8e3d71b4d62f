"""The page of `health`."""

from collections.abc import Iterator

from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural
from hero_build.queries.service_health import HealthReport, ServiceHealth


def page(answer: HealthReport, terminal: Terminal) -> Iterator[str]:
    yield from table([row for item in answer.services for row in _rows(item)], terminal)
    healthy = sum(item.healthy for item in answer.services)
    words = f"{healthy} of {plural(len(answer.services), 'service')} healthy"
    yield from paragraph(words if answer.services else "no service should run", terminal, ink=("bold",))


def _rows(item: ServiceHealth) -> Iterator[list[Cell]]:
    mark = cell("✓", "green") if item.healthy else cell("✗", "red")
    if not item.probes:
        yield [cell(item.service, "bold"), mark, cell(""), cell(item.state)]
    for answer in item.probes:
        own = cell("✓", "green") if answer.healthy else cell("✗", "red")
        yield [cell(item.service, "bold"), own, cell(f"{answer.ms:.1f} ms", "dim"), cell(answer.message)]
