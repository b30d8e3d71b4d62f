"""The pages of `start` and `stop`: each service had its line as it came up; this is the sum."""

from collections.abc import Iterator

from hero_build.output.phrases import name_list
from hero_build.output.table import paragraph
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural
from hero_build.queries.service_report import ServiceReport


def page(answer: ServiceReport, terminal: Terminal) -> Iterator[str]:
    counts: dict[str, int] = {}
    for item in answer.services:
        counts[item.result] = counts.get(item.result, 0) + 1
    words = [f"{plural(count, 'service')} {result}" for result, count in counts.items() if result != "failed"]
    failed = [item.service for item in answer.services if item.result == "failed"]
    words += [f"{len(failed)} failed: {name_list(failed)}"] if failed else []
    yield from paragraph(", ".join(words) or "nothing to do", terminal, ink=("bold",))
