"""The page of `status`."""

import time
from collections.abc import Iterator, Sequence

from hero_build.output.phrases import name_list
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import duration, plural
from hero_build.queries.status import AppStatus, StatusReport
from hero_build.services.overview import ServiceRow

_INK: dict[str, Ink] = {"intact": "green", "damaged": "red", "absent": "dim"}


def page(answer: StatusReport, terminal: Terminal) -> Iterator[str]:
    latest = any(app.latest or app.trouble for app in answer.apps)
    words = ("app", "installed", *(("latest",) if latest else ()), "from", "state", "running")
    rows = [_row(app, latest=latest) for app in answer.apps]
    if rows:
        yield from table([[cell(word, "dim") for word in words], *rows], terminal)
    services = [_service(item) for app in answer.apps for item in app.services if _shown(item)]
    if services:
        yield ""
        heads = ("service", "state", "version", "since", "restarts", "reason")
        yield from table([[cell(word, "dim") for word in heads], *services], terminal)
        yield ""
    for app in answer.apps:
        yield from _notes(app, terminal)
    yield from _troubles(answer.apps, terminal)
    yield from paragraph(_summary(answer, terminal), terminal, ink=("bold",))


def _row(app: AppStatus, *, latest: bool) -> list[Cell]:
    newest = cell(app.latest or "?", *(("yellow",) if app.outdated or not app.latest else ("dim",)))
    return [
        cell(app.name, "bold"),
        cell(app.version or "-"),
        *([newest] if latest else []),
        cell(app.used or ""),
        cell(_state(app), _INK[app.state]),
        cell(_running(app), *(("yellow",) if _old(app) else ())),
    ]


def _state(app: AppStatus) -> str:
    return "not installed" if app.state == "absent" else f"{app.state}{', held' if app.held else ''}"


def _shown(item: ServiceRow) -> bool:
    """What was started, and what runs."""
    return item.wanted is not None or item.pid != 0


def _service(item: ServiceRow) -> list[Cell]:
    ink: Ink = "green" if item.state == "running" else "dim" if item.wanted != "running" else "red"
    version = item.version_running or "-"
    if item.program == "old":
        version = f"{version} (old)"
    return [
        cell(item.name, "bold"),
        cell(item.state, ink),
        cell(version, *(("yellow",) if item.program == "old" else ())),
        cell(duration(time.time() - item.since.timestamp()) if item.since and item.pid else "-"),
        cell(item.restarts or "-"),
        cell(item.reason, *(("red",) if not item.pid else ("dim",))),
    ]


def _running(app: AppStatus) -> str:
    services = {item.pid: item.name for item in app.services}  # two instances run the same program
    named = [(services.get(item.pid, item.binary), item) for item in app.processes]
    words = [f"{name} {item.pid}{' (old)' if item.state == 'old' else ''}" for name, item in named]
    return ", ".join(words) or "-"


def _old(app: AppStatus) -> bool:
    return any(item.state == "old" for item in app.processes)


def _troubles(apps: Sequence[AppStatus], terminal: Terminal) -> Iterator[str]:
    """Why newest releases are not known, each reason once."""
    reasons: dict[str, list[str]] = {}
    for app in apps:
        if app.trouble:
            reasons.setdefault(app.trouble, []).append(app.name)
    for reason, names in reasons.items():
        yield from paragraph(f"{', '.join(names)}: {reason}", terminal, indent="  ", ink=("yellow",))


def _notes(app: AppStatus, terminal: Terminal) -> Iterator[str]:
    for sentence in app.damage:
        yield from paragraph(f"{app.name}: {sentence}", terminal, indent="  ", ink=("red",))
    for bundle in app.bundles:
        yield from paragraph(f"{app.name}/{bundle.name}: {bundle.version}, {bundle.used}", terminal, indent="  ")
    if terminal.verbose and app.why:
        yield from paragraph(f"{app.name}: {app.why}", terminal, indent="  ", ink=("dim",))


def _summary(answer: StatusReport, terminal: Terminal) -> str:
    present = [app for app in answer.apps if app.state != "absent"]
    if not answer.generation:
        return f"{answer.root}: nothing is installed yet. Start with: {terminal.command('list')}"
    if not present:
        return f"{answer.root}, generation {answer.generation}: none of these apps is installed."
    words = [f"{answer.root}, generation {answer.generation}: {plural(len(present), 'app')}"]
    damaged = [app.name for app in present if app.state == "damaged"]
    old = [app.name for app in present if _old(app)]
    words += _remark(damaged, "damaged", terminal.command("verify --repair"))
    words += _remark(old, "running old programs", terminal.command(f"restart {' '.join(old)}"))
    newer = [app.name for app in present if app.outdated and not app.held]
    words += _remark(newer, "newer release available", terminal.command("upgrade"))
    return "; ".join(words) + "."


def _remark(names: Sequence[str], state: str, command: str) -> list[str]:
    return [f"{state}: {name_list(names)} ({command})"] if names else []
