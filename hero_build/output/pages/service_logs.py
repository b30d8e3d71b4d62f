"""The page of `logs`."""

from collections.abc import Iterator

from hero_build.output.terminal import Terminal
from hero_build.output.text import clean
from hero_build.queries.service_logs import LogReport


def page(answer: LogReport, terminal: Terminal) -> Iterator[str]:
    for log in answer.logs:
        if len(answer.logs) > 1:
            yield terminal.ink(f"{clean(log.service)}:", "bold")
        yield from (clean(line) for line in log.lines)
        if not log.lines:
            yield terminal.ink("no output", "dim")
