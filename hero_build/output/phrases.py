"""How an error or a warning stands on a page."""

from collections.abc import Iterator, Sequence

from hero_build.output.table import paragraph
from hero_build.output.terminal import Terminal
from hero_build.output.text import clean, width


def note(word: str, text: str, hint: str, terminal: Terminal) -> list[str]:
    """An error or a warning as lines: `error: sentence`, and the hint below it.

    A hint of several lines stands as it was written, below a sign: it is shown as it is agreed to look.
    """
    if "\n" in hint:
        return [f"{terminal.ink('⚠', 'yellow')} {clean(text)}", *(clean(line) for line in hint.split("\n"))]
    head, *rest = paragraph(f"{word}: {text}", terminal, indent="  ")
    bright = terminal.ink(f"{word}:", "bold", "red" if word == "error" else "yellow")
    below = paragraph(f"  hint: {clean(hint)}", terminal, indent="  ", ink=("dim",)) if hint else ()
    return [bright + head.removeprefix(f"{word}:"), *rest, *below]


def move(before: str | None, after: str | None) -> str:
    """`v1 -> v2`, `v2`, or `v1` for what was removed."""
    if before and after and before != after:
        return f"{before} -> {after}"
    return after or before or "-"


def when(created: str | None) -> str:
    """A time stamp (RFC 3339, UTC) to the minute: `2026-11-20 20:37Z`."""
    text = clean(created or "")
    return f"{text[:10]} {text[11:16]}Z" if len(text) >= 16 and text[10] == "T" and text.endswith("Z") else text


def some(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def closing(sentence: str, command: str, terminal: Terminal) -> Iterator[str]:
    """The last words of a page; the command that goes on from there is not broken if it can be helped."""
    words = f"{sentence}. {command}" if command else sentence
    if command and terminal.width is not None and width(words) > terminal.width:
        yield from paragraph(sentence, terminal, indent="  ", ink=("bold",))
        words = command
    yield from paragraph(words, terminal, indent="  ", ink=("bold",))
