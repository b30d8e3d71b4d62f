"""How an error or a warning stands on a page."""

from hero_build.output.paper import Paper
from hero_build.output.table import paragraph
from hero_build.output.text import clean


def note(word: str, text: str, hint: str, paper: Paper) -> list[str]:
    """An error or a warning as lines: `error: sentence`, and the hint below it.

    A hint of several lines stands as it was written, below a sign: it is shown as it is agreed to look.
    """
    if "\n" in hint:
        return [f"{paper.ink('⚠', 'yellow')} {clean(text)}", *(clean(line) for line in hint.split("\n"))]
    head, *rest = paragraph(f"{word}: {text}", paper, indent="  ")
    bright = paper.ink(f"{word}:", "bold", "red" if word == "error" else "yellow")
    below = paragraph(f"  hint: {clean(hint)}", paper, indent="  ", ink=("dim",)) if hint else ()
    return [bright + head.removeprefix(f"{word}:"), *rest, *below]
