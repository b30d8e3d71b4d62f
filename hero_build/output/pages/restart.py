"""The page of `restart`; `--restart` appends it to the page of an install."""

from collections.abc import Iterator

from hero_build.output.table import cell, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import duration, plural
from hero_build.queries.change_report import RestartReport


def page(answer: RestartReport, terminal: Terminal) -> Iterator[str]:
    yield from services(answer, terminal)
    words = [plural(len(answer.restarted), "service") + " restarted"]
    words += [f"{len(answer.failed)} failed"] if answer.failed else []
    yield ", ".join(words)


def services(answer: RestartReport, terminal: Terminal) -> Iterator[str]:
    """A line for each service."""
    rows = [
        [
            cell(item.app or "-", "bold"),
            cell(item.service),
            cell("up" if item.tries == 1 else "up after a reset", "green" if item.tries == 1 else "yellow"),
            cell(f"process {item.pid_after}" + (f", was {item.pid_before}" if item.pid_before else "")),
            cell(duration(item.seconds), "dim"),
        ]
        for item in answer.restarted
    ]
    rows += [[cell(item.app, "bold"), cell("-"), cell("left alone", "dim"), cell(item.why)] for item in answer.idle]
    yield from table(rows, terminal)
