"""The page of install, repair, rollback and uninstall. Its last line says what changed and how to undo it."""

from collections.abc import Iterator

from hero_build.output.phrases import closing, name_list, version_change
from hero_build.output.table import Cell, cell, table
from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import plural, short, size
from hero_build.queries.change_report import ChangeReport, PartState, State

_INK: dict[State, Ink] = {
    "kept": "dim",
    "installed": "green",
    "changed": "green",
    "repaired": "green",
    "removed": "yellow",
    "to keep": "dim",
    "to download": "green",
    "to build": "yellow",
    "to remove": "yellow",
}
_SINGLE, _FEW = 1, 2


def page(answer: ChangeReport, terminal: Terminal) -> Iterator[str]:
    shown = [part for part in answer.parts if terminal.verbose or part.state != "kept"]
    if len(shown) > _SINGLE or terminal.verbose or answer.dry_run:
        yield from table([_row(part, terminal, planned=answer.dry_run) for part in shown], terminal)
    if terminal.verbose:
        for part in answer.parts:
            yield from _artifacts(part, terminal)
    if answer.restart:
        from hero_build.output.pages.restart import services

        yield from services(answer.restart, terminal)
    yield from closing(_result(answer), f"Undo: {answer.undo}" if answer.undo else "", terminal)


def _row(part: PartState, terminal: Terminal, *, planned: bool) -> list[Cell]:
    amount = size(part.bytes) if part.bytes else ""
    version = version_change(part.version_before, part.version_after)
    why = part.why if planned or terminal.verbose or part.state == "repaired" else _used(part)
    return [
        cell(part.part, "bold"),
        cell(version),
        cell(part.state, _INK[part.state]),
        cell(amount),
        cell(why or "", "dim"),
    ]


def _artifacts(part: PartState, terminal: Terminal) -> Iterator[str]:
    rows = [
        [
            cell(item.name),
            cell(item.asset or ""),
            cell(size(item.size)),
            cell(short(item.sha256), "dim"),
            cell(" ".join(item.verified), "dim"),
        ]
        for item in part.items
    ]
    if rows:
        yield terminal.ink(f"{part.part}:", "bold")
        yield from table(rows, terminal, indent=2)


def _result(answer: ChangeReport) -> str:
    evidence = f" (logs and answers: {answer.evidence})" if answer.evidence else ""
    match answer.result:
        case "rolled_back":
            return f"{_summary(answer)}: rolled back, generation {answer.rollback} has what was there before{evidence}"
        case "stopped":
            return f"{_summary(answer)}: its services did not come up and are stopped{evidence}"
        case "done":
            return _summary(answer)


def _summary(answer: ChangeReport) -> str:
    if answer.dry_run:
        return _dry_run(answer)
    if answer.before == answer.after:
        return _unchanged(answer)
    kept = sum(part.state == "kept" for part in answer.parts)
    suffix = f"; {kept} kept" if kept else ""
    return f"generation {answer.after}: {_changed(answer)}{suffix}"


def _changed(answer: ChangeReport) -> str:
    changed = [part for part in answer.parts if part.state != "kept"]
    if not changed and answer.lock:
        return "the same content, now that of the lock file"
    if not changed:
        return "the same content, its seal renewed"
    words = [_phrase(part, alone=len(changed) == _SINGLE) for part in changed]
    return ", ".join(words) if len(words) <= _FEW else _grouped(changed)


def _phrase(part: PartState, *, alone: bool) -> str:
    if part.state == "removed":
        return f"{part.part} {part.version_before} removed"
    if part.state == "repaired":
        return f"{part.part} {part.version_after} repaired" + (f" ({part.why})" if alone else "")
    used = _used(part) if alone else part.used
    return f"{part.part} {version_change(part.version_before, part.version_after)} ({used})"


def _used(part: PartState) -> str | None:
    """With the reason, where nobody asked for a build."""
    return f"source: {part.why}" if part.fallback else part.used


def _grouped(parts: list[PartState]) -> str:
    groups = {
        state: [part.part for part in parts if part.state == state]
        for state in ("installed", "changed", "repaired", "removed")
    }
    return ", ".join(f"{state} {name_list(names)}" for state, names in groups.items() if names)


def _unchanged(answer: ChangeReport) -> str:
    if answer.failed:
        return (
            f"nothing changed: still generation {answer.after}"
            if answer.after
            else "nothing changed: nothing is installed"
        )
    kept = [part for part in answer.parts if part.state == "kept"]
    if len(kept) == _SINGLE:
        return f"nothing to do: {kept[0].part}: {kept[0].why or 'as asked'}"
    bundles = [part for part in kept if part.part != part.app]
    noun = "app" if not bundles else "bundle" if len(bundles) == len(kept) else "part"
    return f"nothing to do: {plural(len(kept), noun)} as asked, intact" if kept else "nothing to do"


def _dry_run(answer: ChangeReport) -> str:
    groups = {
        state: [part for part in answer.parts if part.state == state] for state in _INK if state.startswith("to ")
    }
    words = [f"{len(parts)} {state}" for state, parts in groups.items() if parts and state != "to keep"]
    if not words:
        return "dry run: nothing would change"
    sizes = [part.bytes for part in groups["to download"]]
    amount = f" ({size(sum(count or 0 for count in sizes))})" if sizes and None not in sizes else ""
    return f"dry run, nothing was changed: {', '.join(words)}{amount}"
