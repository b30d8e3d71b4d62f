"""The page of `gc`."""

from collections.abc import Iterator

from hero_build.install.disk_usage import DiskUse
from hero_build.install.gc import GcReport
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import noun, plural, size

FREES = {"builds": "gc --builds", "target": "gc --builds", "logs": "gc --builds", "cache": "gc --cache"}
"""The command that frees it."""


def gc_page(answer: GcReport, terminal: Terminal) -> Iterator[str]:
    for item in answer.kept:
        yield from paragraph(f"kept {item.path}: {item.why}", terminal, indent="  ", ink=("yellow",))
    verb = "would delete" if answer.dry_run else "deleted"
    for freed in answer.freed:
        yield from paragraph(f"{verb} {freed.path}, {size(freed.bytes)}", terminal, indent="  ")
    used = [item for item in answer.usage if item.bytes]
    if used:
        head = [cell(word, "dim") for word in ("on the disk", "", "in", "frees it")]
        yield from table([head, *(_row(item, terminal) for item in used)], terminal)
    yield from paragraph(f"{verb} {_generations(answer)}; {_freed(answer)}", terminal, ink=("bold",))


def _row(item: DiskUse, terminal: Terminal) -> list[Cell]:
    command = terminal.command(FREES[item.name]) if item.name in FREES else ""
    return [cell(item.name, "bold"), cell(size(item.bytes)), cell(item.path), cell(command, "dim")]


def _generations(answer: GcReport) -> str:
    if not answer.generations:
        return "no generation"
    numbers = ", ".join(map(str, answer.generations))
    return f"{noun(len(answer.generations), 'generation')} {numbers}"


def _freed(answer: GcReport) -> str:
    total = answer.bytes + sum(item.bytes for item in answer.freed)
    others = f" with {plural(len(answer.freed), 'other place')}" if answer.freed else ""
    return f"{size(total)} {'to free' if answer.dry_run else 'freed'}{others}"
