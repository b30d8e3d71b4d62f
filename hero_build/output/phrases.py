"""Phrases that several pages use: errors and warnings, versions, dates, names, the last line."""

from collections.abc import Iterator, Sequence

from hero_build.output.table import paragraph
from hero_build.output.terminal import Terminal
from hero_build.output.text import clean, width


def message_lines(word: str, text: str, hint: str, terminal: Terminal) -> list[str]:
    """An error or a warning as lines: `error: sentence`, and the hint below it.

    A hint of several lines is printed as it is, below a warning sign: its form is part of the contract.
    """
    if "\n" in hint:
        return [f"{terminal.ink('⚠', 'yellow')} {clean(text)}", *(clean(line) for line in hint.split("\n"))]
    head, *rest = paragraph(f"{word}: {text}", terminal, indent="  ")
    bright = terminal.ink(f"{word}:", "bold", "red" if word == "error" else "yellow")
    below = paragraph(f"  hint: {clean(terminal.advice(hint))}", terminal, indent="  ", ink=("dim",)) if hint else ()
    return [bright + head.removeprefix(f"{word}:"), *rest, *below]


def version_change(before: str | None, after: str | None) -> str:
    """`v1 -> v2`; `v2` if it is new or the same; `v1` if it was removed."""
    if before and after and before != after:
        return f"{before} -> {after}"
    return after or before or "-"


def minute(created: str | None) -> str:
    """An RFC 3339 time in UTC, to the minute: `2026-11-20 20:37Z`; other text as it is."""
    text = clean(created or "")
    return f"{text[:10]} {text[11:16]}Z" if len(text) >= 16 and text[10] == "T" and text.endswith("Z") else text


def name_list(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def closing(sentence: str, command: str, terminal: Terminal) -> Iterator[str]:
    """The last line of a page, with the command that follows from it, which is not wrapped if it fits on one line."""
    words = f"{sentence}. {command}" if command else sentence
    if command and terminal.width is not None and width(words) > terminal.width:
        yield from paragraph(sentence, terminal, indent="  ", ink=("bold",))
        words = command
    yield from paragraph(words, terminal, indent="  ", ink=("bold",))
