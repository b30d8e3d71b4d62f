"""The page of `audit`."""

from collections.abc import Iterator

from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural
from hero_build.queries.audit import AuditedApp, AuditReport

_HEAD = ("app", "service.toml", "cargo", "release", "")


def page(answer: AuditReport, terminal: Terminal) -> Iterator[str]:
    if answer.apps:
        yield from table([[cell(word, "dim") for word in _HEAD], *map(_row, answer.apps)], terminal)
    for app in answer.apps:
        yield from _findings(app, terminal)
    yield from paragraph(_summary(answer), terminal, indent="  ", ink=("bold",))


def _row(app: AuditedApp) -> list[Cell]:
    sources = [cell(item.summary, *(() if item.state == "read" else ("dim",))) for item in app.sources]
    state = cell(plural(len(app.drifts), "drift"), "red") if app.drifts else cell("agree", "green")
    return [cell(app.name, "bold"), *sources, state]


def _findings(app: AuditedApp, terminal: Terminal) -> Iterator[str]:
    if terminal.verbose:
        line = f"  {app.name}: {', '.join(app.binaries) or 'no binaries'} ({app.set_from})"
        yield from paragraph(line, terminal, indent="    ", ink=("dim",))
    for item in app.findings:
        line = f"  {app.name}: {item.what}: {item.text}"
        yield from paragraph(line, terminal, indent="    ", ink=("red" if item.drift else "yellow",))


def _summary(answer: AuditReport) -> str:
    differing = [app.name for app in answer.apps if app.drifts]
    if not answer.apps:
        return "nothing was audited"
    if differing:
        total = sum(len(app.drifts) for app in answer.apps)
        share = f"{len(differing)} of {plural(len(answer.apps), 'app')}"
        return f"{share}: {plural(total, 'drift')}. Fix the recipe or the repository (docs/commands/audit.md)."
    return f"{plural(len(answer.apps), 'app')}: recipe and repository agree"
