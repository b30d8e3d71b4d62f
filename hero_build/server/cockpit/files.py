"""The files of the page, from the wheel, at addresses that change with their content: a browser asks for each once."""

import hashlib
import re
from functools import cache
from pathlib import Path

from msgspec import Struct

ASSETS = "/assets/"
"""Where the files are, each version of them in a folder of its own."""
_FOLDER = Path(__file__).parent / "page"
_COMMENTS = re.compile(rb"(?m)^ *//.*\n")  # lines of modules that a browser has no use for
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFile(Struct, frozen=True):
    content: bytes
    media_type: str


class PageFiles(Struct, frozen=True):
    """All files by name. `version` is a digest of them."""

    version: str
    files: dict[str, PageFile]


def page_file(name: str) -> PageFile | None:
    """A file of the page by its name, which is looked up and never joined to a path."""
    return page_files().files.get(name)


def total_bytes() -> int:
    """What a browser receives for the whole page, without its data."""
    return sum(len(file.content) for file in page_files().files.values())


@cache
def page_files() -> PageFiles:
    paths = [path for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES]
    contents = {path.name: _COMMENTS.sub(b"", path.read_bytes()) for path in paths}
    version = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
    folder = f'"{ASSETS}{version}/'.encode()
    return PageFiles(
        version,
        {
            name: PageFile(content.replace(f'"{ASSETS}'.encode(), folder), _TYPES[Path(name).suffix])
            for name, content in contents.items()
        },
    )
