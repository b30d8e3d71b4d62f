"""The pages of `history` and `diff`."""

from collections.abc import Iterator

from hero_build.output.phrases import minute, version_change
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import plural, short, size
from hero_build.queries.diff import Change, Diff, FileChange, PartChange
from hero_build.queries.history import History, HistoryEntry, VersionChange

_MARKS: dict[Change, tuple[str, Ink]] = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_SHOWN = 4


def history(answer: History, terminal: Terminal) -> Iterator[str]:
    if not answer.generations:
        yield from paragraph(f"{answer.root}: nothing has been installed here.", terminal)
        return
    yield from table([row for item in answer.generations for row in _entry(item, terminal)], terminal)
    if len(answer.generations) > 1:
        yield from _next_steps(answer, terminal)


def _next_steps(answer: History, terminal: Terminal) -> Iterator[str]:
    """The commands for the generation before the current one, each whole on a line."""
    current = next((item.number for item in answer.generations if item.current), 0)
    earlier = [item.number for item in answer.generations if item.number != current and not item.trouble]
    before = max((number for number in earlier if number < current), default=max(earlier, default=None))
    if before is not None:
        compare, restore = (terminal.command(f"{word} {before}") for word in ("diff", "rollback"))
        yield terminal.ink(f"* current. Compare: {compare}. Restore: {restore}", "dim")


def _entry(item: HistoryEntry, terminal: Terminal) -> Iterator[list[Cell]]:
    mark = cell("*" if item.current else "", "green")
    number = cell(item.number, *(("bold",) if item.current else ()))
    if item.trouble:
        yield [mark, number, cell("?"), cell(item.trouble, "red")]
        return
    yield [mark, number, cell(minute(item.created), "dim"), cell(item.action, "bold")]
    yield [cell(""), cell(""), cell(""), cell(f"{_since(item)}{_changes(item, terminal)}")]


def _since(item: HistoryEntry) -> str:
    """What the changes are compared with, where that is not the generation just before."""
    if item.since in (None, item.number - 1):
        return ""
    return f"since {item.since}: "


def _changes(item: HistoryEntry, terminal: Terminal) -> str:
    if item.since is None:
        apps = f"{plural(item.apps or 0, 'app')}; " if item.apps is not None else ""
        return f"{apps}what changed is not known: generation {item.number - 1} is deleted"
    shown = item.changes if terminal.verbose else item.changes[:_SHOWN]
    hidden = len(item.changes) - len(shown)
    phrases = [_change(change) for change in shown] + ([f"and {hidden} more"] if hidden else [])
    return ", ".join(phrases) or "no version changed"


def _change(change: VersionChange) -> str:
    match change.change:
        case "added":
            return f"+{change.part} {change.version_after}"
        case "removed":
            return f"-{change.part} {change.version_before}"
        case _:
            return f"{change.part} {version_change(change.version_before, change.version_after)}"


def diff(answer: Diff, terminal: Terminal) -> Iterator[str]:
    yield terminal.ink(f"generation {answer.before} -> {answer.after}", "bold")
    for part in answer.parts:
        mark, ink = _MARKS[part.change]
        used = f" ({part.used})" if part.used else ""
        yield from paragraph(
            f"{mark} {part.part} {version_change(part.version_before, part.version_after)}{used}", terminal, ink=(ink,)
        )
        if part.why and terminal.verbose:
            yield from paragraph(f"    {part.why}", terminal, indent="    ", ink=("dim",))
        yield from _files(part, terminal)
    if not answer.parts:
        yield "no app, version or file changed"


def _files(part: PartChange, terminal: Terminal) -> Iterator[str]:
    yield from table([_file(item) for item in part.files], terminal, indent=2)


def _file(item: FileChange) -> list[Cell]:
    mark, ink = _MARKS[item.change]
    sizes = [size(count) for count in (item.size_before, item.size_after) if count is not None]
    digests = [short(digest) for digest in (item.sha256_before, item.sha256_after) if digest]
    return [
        cell(mark, ink),
        cell(item.path),
        cell(" -> ".join(dict.fromkeys(sizes))),
        cell(" -> ".join(digests), "dim"),
    ]
