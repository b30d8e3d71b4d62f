"""The files of the page, from the wheel, with a validator so that a browser asks once for each version."""

import hashlib
from functools import cache
from pathlib import Path

from msgspec import Struct

_FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFile(Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


def page_file(name: str) -> PageFile | None:
    """A file of the page by its name, which is looked up and never joined to a path."""
    return _files().get(name)


def total_bytes() -> int:
    """What a browser loads for the whole page."""
    return sum(len(file.content) for file in _files().values())


@cache
def _files() -> dict[str, PageFile]:
    return {path.name: _load(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}


def _load(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:20]}"')
