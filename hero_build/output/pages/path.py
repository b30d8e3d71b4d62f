"""What is said once, after the first install of a root whose programs the shell does not find."""

from collections.abc import Iterator

from hero_build.output.table import paragraph
from hero_build.output.terminal import Terminal
from hero_build.output.text import clean
from hero_build.queries.path_advice import PathAdvice


def path_page(advice: PathAdvice, terminal: Terminal) -> Iterator[str]:
    """The last line is the command alone, never wrapped, to be copied."""
    where = f", and add it to {advice.profile} for later ones" if advice.profile else ""
    yield from paragraph(f"{advice.folder} is not on PATH. Run this in your shell{where}:", terminal)
    yield clean(advice.line)
