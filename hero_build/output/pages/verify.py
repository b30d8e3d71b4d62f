"""The page of `verify`."""

from collections.abc import Iterator

from hero_build.output.phrases import closing
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural, size
from hero_build.queries.compare_release import ComparedPart, ReleaseComparison
from hero_build.queries.verify import CheckedApp, VerifyReport


def page(answer: VerifyReport, terminal: Terminal) -> Iterator[str]:
    shown = [app for app in answer.apps if app.damage or terminal.verbose]
    if shown:
        yield from table([_row(app) for app in shown], terminal)
    for app in shown:
        for sentence in app.damage:
            yield from paragraph(f"  {app.name}: {sentence}", terminal, indent="    ", ink=("red",))
    for sentence in answer.stray:
        yield from paragraph(
            f"{sentence}; the next install, rollback, uninstall or gc removes it", terminal, ink=("yellow",)
        )
    if answer.against is not None:
        yield from _against(answer.against, terminal)
    repair = f"Repair: {terminal.command('verify --repair')}" if answer.damaged else ""
    yield from closing(_summary(answer), repair, terminal)


def _against(answer: ReleaseComparison, terminal: Terminal) -> Iterator[str]:
    shown = [item for item in answer.parts if item.differs or terminal.verbose]
    if shown:
        yield from table([_compared(item) for item in shown], terminal)
    for item in shown:
        for sentence in item.differs:
            yield from paragraph(f"  {item.part}: {sentence}", terminal, indent="    ", ink=("red",))
    differing, parts = len(answer.differing), plural(len(answer.parts), "part")
    sentence = f"{differing} of {parts} differ from the release" if differing else f"{parts} as released"
    yield from closing(sentence, "", terminal)


def _compared(item: ComparedPart) -> list[Cell]:
    state = cell("not as released", "red") if item.differs else cell("as released", "green")
    return [cell(item.part, "bold"), cell(item.tag), cell(plural(item.files, "file")), cell(item.forge), state]


def _row(app: CheckedApp) -> list[Cell]:
    state = cell("damaged", "red") if app.damage else cell("as recorded", "green")
    return [
        cell(app.name, "bold"),
        cell(app.version or "-"),
        cell(plural(app.files, "file")),
        cell(size(app.bytes)),
        state,
    ]


def _summary(answer: VerifyReport) -> str:
    files, count = sum(app.files for app in answer.apps), sum(app.bytes for app in answer.apps)
    apps, read = plural(len(answer.apps), "app"), f"{plural(files, 'file')}, {size(count)}"
    if not answer.apps:
        return f"{answer.root}: nothing is installed"
    if answer.damaged:
        return f"damaged: {len(answer.damaged)} of {apps} ({read} read)"
    return f"{apps}, {read} read: all as recorded in generation {answer.generation}"
