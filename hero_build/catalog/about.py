"""What an app is, in the words of its recipe: the first paragraph of the docstring, without running the recipe."""

from pathlib import Path

from hero_build.os_errors import raise_for_machine
from hero_build.system.regular_file import read_regular

_LARGEST_FILE = 1 << 20  # bytes
_MARK = b"\xef\xbb\xbf"  # of UTF-8, which some editors write
_QUOTES = ('"""', "'''")


def about(path: Path) -> str:
    """The first paragraph of a recipe's docstring on one line, without the app's name; empty where there is none."""
    try:
        text = read_regular(path, _LARGEST_FILE).removeprefix(_MARK).decode()
    except (OSError, ValueError) as error:
        raise_for_machine(error, path)
        return ""
    first = " ".join(_docstring(text).split("\n\n")[0].split())
    return first.removeprefix(f"{path.stem}:").strip()


def _docstring(text: str) -> str:
    """The text between the first triple quotes, if nothing but comments and empty lines comes before them."""
    while text.startswith(("#", "\n", "\r", " ")):
        text = text.partition("\n")[2] if text[0] == "#" else text[1:]
    quotes = text.removeprefix("r")[:3]
    return text.partition(quotes)[2].partition(quotes)[0] if quotes in _QUOTES else ""
