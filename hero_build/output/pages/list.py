"""The page of `list`."""

from collections.abc import Iterator

from hero_build.output.table import Cell, cell, table
from hero_build.output.terminal import Terminal
from hero_build.queries.list import AppListing, ListedApp


def page(answer: AppListing, terminal: Terminal) -> Iterator[str]:
    head = [cell(word, "dim") for word in ("app", "installed", "from", "")]
    yield from table([head, *(_row(app, terminal) for app in answer.apps)], terminal)
    if answer.sets:
        yield ""
        rows = [[cell(item.name, "bold"), cell(" ".join(item.apps))] for item in answer.sets]
        yield from table([[cell("set", "dim"), cell("apps, in start order", "dim")], *rows], terminal)


def _row(app: ListedApp, terminal: Terminal) -> list[Cell]:
    version = cell(app.version, "green") if app.version else cell("-", "dim")
    return [cell(app.name, "bold"), version, cell(app.used or ""), cell(_note(app, terminal), "yellow")]


def _note(app: ListedApp, terminal: Terminal) -> str:
    if app.recipe is None:
        return "recipe not found"
    if app.shadows:
        replaced = (
            ", ".join(app.shadows) if terminal.verbose else "another recipe" if len(app.shadows) == 1 else "others"
        )
        return f"{app.recipe}, replaces {replaced}"
    return app.recipe if terminal.verbose else ""
