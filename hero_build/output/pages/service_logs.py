"""The page of `logs`."""

from collections.abc import Iterator, Sequence

from hero_build.output.terminal import Terminal
from hero_build.output.text import clean
from hero_build.queries.service_logs import LogLine, LogReport


def page(answer: LogReport, terminal: Terminal) -> Iterator[str]:
    for log in answer.logs:
        if len(answer.logs) > 1:
            yield terminal.ink(f"{clean(log.service)}:", "bold")
        yield from (clean(line) for line in log.lines)
        if not log.lines:
            yield terminal.ink("no output", "dim")


def followed(line: LogLine, services: Sequence[str]) -> str:
    """A line of `logs -f`; which service wrote it, where it is one of several."""
    if len(services) == 1:
        return line.text
    width = max(len(service) for service in services)
    return f"{clean(line.service):{width}} | {line.text}"
