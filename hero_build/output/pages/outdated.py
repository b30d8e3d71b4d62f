"""The page of `outdated`."""

from collections.abc import Iterator

from hero_build.output.phrases import closing
from hero_build.output.table import cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural
from hero_build.queries.outdated import OutdatedReport


def page(answer: OutdatedReport, terminal: Terminal) -> Iterator[str]:
    if answer.apps:
        head = [cell(word, "dim") for word in ("app", "installed", "latest", "")]
        rows = [
            [cell(app.name, "bold"), cell(app.version), cell(app.latest, "yellow"), cell("held" if app.held else "")]
            for app in answer.apps
        ]
        yield from table([head, *rows], terminal)
    if answer.built:
        yield from paragraph(f"built from source, not compared: {', '.join(answer.built)}", terminal, indent="  ")
    if answer.unknown:
        yield from paragraph(f"recipe not found, not compared: {', '.join(answer.unknown)}", terminal, indent="  ")
    upgradable = any(not app.held for app in answer.apps)
    yield from closing(summary(answer), f"Upgrade: {terminal.command('upgrade')}" if upgradable else "", terminal)


def summary(answer: OutdatedReport) -> str:
    """How many of the apps that were compared are outdated."""
    if not answer.compared:
        return "nothing to compare"
    if not answer.apps:
        return f"up to date: {plural(answer.compared, 'app')}"
    return f"outdated: {len(answer.apps)} of {plural(answer.compared, 'app')}"
