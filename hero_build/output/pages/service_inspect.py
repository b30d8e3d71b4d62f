"""The page of `inspect`."""

from collections.abc import Iterator

from hero_build.output.table import cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.queries.inspect import InspectedApp, InspectedService, Inspection


def page(answer: Inspection, terminal: Terminal) -> Iterator[str]:
    for number, app in enumerate(answer.apps):
        if number:
            yield ""
        yield from _app(app, answer, terminal)
        for item in (item for item in answer.services if item.app == app.app):
            yield ""
            yield from paragraph(item.name, terminal, ink=("bold",))
            yield from table([[cell(name, "dim"), cell(text)] for name, text in _service(item)], terminal)
        for operation in (item for item in answer.operations if item.app == app.app):
            line = f"{operation.created}  {operation.method}  {operation.state}"
            yield from paragraph(line, terminal, indent="  ")


def _app(app: InspectedApp, answer: Inspection, terminal: Terminal) -> Iterator[str]:
    yield from paragraph(f"{app.app} {app.version or ''}", terminal, ink=("bold",))
    rows = [("recipe", app.recipe), ("supervisor", answer.supervisor)]
    rows += [("needs", ", ".join(app.needs))] if app.needs else []
    rows += [("excludes", ", ".join(app.excludes))] if app.excludes else []
    rows += [("from files", ", ".join(app.file_variables))] if app.file_variables else []
    yield from table([[cell(name, "dim"), cell(text)] for name, text in rows], terminal)


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
