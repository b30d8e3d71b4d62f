"""What the two pictures of the page have in common: narrow enough for a phone, and in the colours of the reader."""

from html import escape
from textwrap import wrap

WIDTH, EDGE = 480, 14
SPAN = WIDTH - 2 * EDGE
INK, SOFT, PAPER, ALARM = "#1f2328", "#656d76", "#ffffff", "#b42318"
LINE = 15
"""From one line of a title to the next."""
_LETTER = {400: 6.6, 600: 7.2}  # what the letters of a title take on average, at most, by its weight
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
_NAMES = {INK: "ink", SOFT: "soft", PAPER: "paper", ALARM: "alarm"}
_DARK = ".ink{fill:#e6edf3;stroke:#e6edf3}.soft{fill:#9198a1}.paper{fill:#0d1117}.alarm{fill:#ff7b72;stroke:#ff7b72}"
_STYLE = f"<style>@media (prefers-color-scheme: dark){{{_DARK}text{{stroke:none!important}}}}</style>"


def picture(height: int, label: str, lines: list[str]) -> str:
    """A whole file: what it shows, for those who do not see it, and its elements."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
    head += f'font-family="{_FONT}" font-size="12" role="img" aria-label="{escape(label)}">'
    paper = f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}" class="paper"/>'
    return "\n".join([head, _STYLE, paper, *lines, "</svg>"]) + "\n"


def text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, weight: int = 400, colour: str = INK
) -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x:g}" y="{y:g}" {style}{named(colour)}>{escape(words)}</text>'


def title(words: str, y: float, *, weight: int = 400, beside: float = 0) -> list[str]:
    """A title from `y` on, in as many lines as it takes beside something that is so wide."""
    lines = wrap(words.replace("`", ""), int((SPAN - beside) / _LETTER[weight]))
    return [text(EDGE, y + LINE * number, line, weight=weight) for number, line in enumerate(lines)]


def line(x1: float, y1: float, x2: float, y2: float, *, width: float, colour: str = INK, opacity: float = 1) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:g}" x2="{x2:.1f}" y2="{y2:g}"'
    return f'<line {place} stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}"{named(colour)}/>'


def named(colour: str) -> str:
    """The class of a colour that is another one on a dark page."""
    return f' class="{_NAMES[colour]}"' if colour in _NAMES else ""
