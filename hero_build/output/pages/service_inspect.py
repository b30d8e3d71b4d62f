"""The page of `inspect`."""

from collections.abc import Iterator

from hero_build.output.table import cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.queries.inspect import InspectedService, Inspection


def page(answer: Inspection, terminal: Terminal) -> Iterator[str]:
    yield from paragraph(f"{answer.app} {answer.version or ''}", terminal, ink=("bold",))
    rows = [("recipe", answer.recipe), ("supervisor", answer.supervisor)]
    rows += [("needs", ", ".join(answer.needs))] if answer.needs else []
    rows += [("excludes", ", ".join(answer.excludes))] if answer.excludes else []
    rows += [("from files", ", ".join(answer.file_variables))] if answer.file_variables else []
    yield from table([[cell(name, "dim"), cell(text)] for name, text in rows], terminal)
    for item in answer.services:
        yield ""
        yield from paragraph(item.name, terminal, ink=("bold",))
        yield from table([[cell(name, "dim"), cell(text)] for name, text in _service(item)], terminal)
    for operation in answer.operations:
        yield from paragraph(f"{operation.created}  {operation.method}  {operation.state}", terminal, indent="  ")


def _service(item: InspectedService) -> Iterator[tuple[str, str]]:
    status = item.status
    if status:
        yield "state", status.state + (f", process {status.pid}" if status.pid else "")
    if status and status.reason:
        yield "reason", status.reason
    yield "command", " ".join(item.command)
    yield "folder", item.folder
    yield "log", item.log
    if item.probes:
        yield "health", ", ".join(item.probes)
    if item.ports:
        yield "ports", ", ".join(map(str, item.ports))
    if item.after:
        yield "after", ", ".join(item.after)
    yield from item.variables
    if item.secrets:
        yield "secrets", ", ".join(item.secrets)
    yield "restart", f"{item.restart}; {item.start_timeout:g} s to start, {item.stop_timeout:g} s to stop"
