"""The page of `troubleshoot`."""

from collections.abc import Iterator

from hero_build.output.phrases import closing
from hero_build.output.table import cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import clean
from hero_build.queries.troubleshoot import AddressHolder, Diagnosis, DiagnosisReport


def page(answer: DiagnosisReport, terminal: Terminal) -> Iterator[str]:
    for item in answer.services:
        mark = terminal.ink("✗", "red") if item.problem else terminal.ink("✓", "green")
        yield f"{terminal.ink(clean(item.service), 'bold')} {mark} {clean(item.problem or 'runs and is healthy')}"
        yield from table([[cell(name, "dim"), cell(text)] for name, text in _rows(item)], terminal, indent=2)
        if item.problem and item.log:
            yield terminal.ink("  last lines of its log:", "dim")
            yield from (f"    {clean(line)}" for line in item.log)
    for operation in answer.operations:
        failure = f": {operation.failure.message}" if operation.failure else ""
        name = f"{operation.app}  " if len(answer.apps) > 1 else ""
        line = f"{operation.created}  {name}{operation.method}  {operation.state}{failure}"
        yield from paragraph(line, terminal, indent="  ", ink=("dim",))
    commands = list(dict.fromkeys(item.next for item in answer.services if item.next))
    yield from closing("Next", ", ".join(commands), terminal) if commands else ["nothing to do"]


def _rows(item: Diagnosis) -> Iterator[tuple[str, str]]:
    if item.status and item.status.pid:
        yield "process", str(item.status.pid)
    if item.status and item.status.restarts:
        yield "restarts", str(item.status.restarts)
    for answer in item.probes:
        yield "probe", answer.message
    for holder in item.addresses:
        yield "holds", _holder(holder)


def _holder(item: AddressHolder) -> str:
    if item.process or item.user:
        return f"{item.address}: process {item.process}, {item.command}, of user {item.user}"
    return f"{item.address}: nobody listens{' (a stale socket file)' if item.exists else ''}"
