"""The page of `delete`: each service had its line as it stopped; this is the sum."""

from collections.abc import Iterator

from hero_build.output.pages.install import page as changes_page
from hero_build.output.phrases import name_list
from hero_build.output.table import paragraph
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural
from hero_build.queries.delete_report import DeleteReport


def page(answer: DeleteReport, terminal: Terminal) -> Iterator[str]:
    count = f"{plural(len(answer.forgotten), 'service')} deleted" if answer.forgotten else "no service to delete"
    failed = [item.service for item in answer.services if item.result == "failed"]
    words = [count, *([f"{len(failed)} failed: {name_list(failed)}"] if failed else [])]
    yield from paragraph(", ".join(words), terminal, ink=("bold",))
    if answer.uninstalled:
        yield from changes_page(answer.uninstalled, terminal)
