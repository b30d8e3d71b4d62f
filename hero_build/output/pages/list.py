"""The page of `list` and `search`."""

from collections.abc import Iterator

from hero_build.output.table import Cell, cell, table
from hero_build.output.terminal import Terminal
from hero_build.queries.list import AppListing, ListedApp


def page(answer: AppListing, terminal: Terminal, empty: str = "") -> Iterator[str]:
    """`empty`: the sentence where no app is listed."""
    if empty and not answer.apps:
        yield empty
    latest = any(app.latest for app in answer.apps)
    head = [cell(word, "dim") for word in ("app", "installed", *(("latest",) if latest else ()), "from", "description")]
    if answer.apps:
        rows = (row for app in answer.apps for row in _rows(app, terminal, latest=latest))
        yield from table([head, *rows], terminal)
    if answer.apps and answer.sets:
        yield ""
    if answer.sets:
        rows = ([cell(item.name, "bold"), cell(" ".join(item.apps))] for item in answer.sets)
        yield from table([[cell("set", "dim"), cell("apps, in start order", "dim")], *rows], terminal)


def _rows(app: ListedApp, terminal: Terminal, *, latest: bool) -> Iterator[list[Cell]]:
    """The app with what it is; below it, what is special about its recipe."""
    version = cell(app.version, "green") if app.version else cell("-", "dim")
    newest = [cell(app.latest or "", "yellow")] if latest else []
    used = f"{app.used or ''}{', held' if app.held else ''}"
    note = _note(app, terminal)
    yield [
        cell(app.name, "bold"),
        version,
        *newest,
        cell(used),
        cell(app.about.rstrip(".")) if app.about else cell(note, "yellow"),
    ]
    if app.about and note:
        yield [cell("") for _ in range(3 + latest)] + [cell(note, "yellow")]


def _note(app: ListedApp, terminal: Terminal) -> str:
    if app.recipe is None:
        return "recipe not found"
    if app.shadows:
        replaced = (
            ", ".join(app.shadows) if terminal.verbose else "another recipe" if len(app.shadows) == 1 else "others"
        )
        return f"{app.recipe}, replaces {replaced}"
    return app.recipe if terminal.verbose else ""
