"""The page of `verify`."""

from collections.abc import Iterator

from hero_build.output.pages.words import closing
from hero_build.output.paper import Paper
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.text import plural, size
from hero_build.queries.verify import Checked, CheckedApp


def page(answer: Checked, paper: Paper) -> Iterator[str]:
    shown = [app for app in answer.apps if app.damage or paper.verbose]
    if shown:
        yield from table([_row(app) for app in shown], paper)
    for app in shown:
        for sentence in app.damage:
            yield from paragraph(f"  {app.name}: {sentence}", paper, indent="    ", ink=("red",))
    for sentence in answer.stray:
        yield from paragraph(
            f"{sentence}; the next install, rollback, uninstall or gc tidies up", paper, ink=("yellow",)
        )
    yield from closing(_summary(answer), "Mend: hero-build verify --repair" if answer.damaged else "", paper)


def _row(app: CheckedApp) -> list[Cell]:
    state = cell("damaged", "red") if app.damage else cell("as recorded", "green")
    return [
        cell(app.name, "bold"),
        cell(app.version or "-"),
        cell(plural(app.files, "file")),
        cell(size(app.bytes)),
        state,
    ]


def _summary(answer: Checked) -> str:
    files, count = sum(app.files for app in answer.apps), sum(app.bytes for app in answer.apps)
    apps, read = plural(len(answer.apps), "app"), f"{plural(files, 'file')}, {size(count)}"
    if not answer.apps:
        return f"{answer.root}: nothing is installed, nothing to verify"
    if answer.damaged:
        return f"damaged: {len(answer.damaged)} of {apps} ({read} read)"
    return f"{apps}, {read} read: all as generation {answer.generation} recorded it"
