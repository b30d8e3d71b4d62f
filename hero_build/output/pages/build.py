"""The page of `build`."""

from collections.abc import Iterator

from hero_build.output.table import cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import duration, plural
from hero_build.queries.build_report import BuildReport


def page(answer: BuildReport, terminal: Terminal) -> Iterator[str]:
    rows = [
        [
            cell(part.part, "bold"),
            cell(part.version),
            cell("verified" if part.fresh else "up to date", "green" if part.fresh else "dim"),
            cell(plural(len(part.paths), "file")),
            cell(part.used, "dim"),
        ]
        for part in answer.parts
    ]
    yield from table(rows, terminal)
    if terminal.verbose:
        yield from answer.installed_paths
    count = plural(len(answer.installed_paths), "file")
    took = duration(answer.duration_ms / 1000)
    yield from paragraph(f"{count} in the store, {took}; nothing is installed.", terminal, ink=("bold",))
