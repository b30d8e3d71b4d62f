"""Checksum files of a release: `SHA256SUMS`, and `<asset>.sha256` beside an asset. Formats: sha256sum(1)."""

import re
from collections.abc import Iterator, Mapping

from hero_build.errors import InvalidChecksumFile

_LINE = re.compile(r"([0-9A-Fa-f]{64})(?: \*|[ \t]+)(\S.*)")
_BARE = re.compile(r"[0-9A-Fa-f]{64}")
_HINT = "Report it to the publisher of the release; `sha256sum FILES > SHA256SUMS` writes a valid one."


def parse(data: bytes, source: str) -> Mapping[str, str]:
    """The lower-case digest of each file that `SHA256SUMS` (called `source` in errors) names.

    Lines are `hash  name` or `hash *name`; blank lines and lines that begin with # are skipped. Raises
    InvalidChecksumFile for any other line, for a file without lines, and for a name with two digests.
    """
    digests: dict[str, str] = {}
    for number, line in _content_lines(data, source):
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidChecksumFile(f"{source}, line {number}, is not `hash  name`: {line[:80]!r}", _HINT)
        name = match[2].removeprefix("./")
        if digests.setdefault(name, match[1].lower()) != match[1].lower():
            raise InvalidChecksumFile(f"{source} has two digests for {name!r}", _HINT)
    if not digests:
        raise InvalidChecksumFile(f"{source} names no file", _HINT)
    return digests


def parse_single(data: bytes, asset: str) -> str:
    """The lower-case digest in `<asset>.sha256`: a bare hash, or a line for the asset (in any folder).

    Raises InvalidChecksumFile, also if the file lists other files only.
    """
    source = f"{asset}.sha256"
    lines = [line.strip() for _, line in _content_lines(data, source)]
    if len(lines) == 1 and _BARE.fullmatch(lines[0]):
        return lines[0].lower()
    digests = {digest for name, digest in parse(data, source).items() if name.rsplit("/", 1)[-1] == asset}
    if len(digests) != 1:
        how = "has two digests for" if digests else "does not list"
        raise InvalidChecksumFile(f"{source} {how} {asset!r}", _HINT)
    return digests.pop()


def _content_lines(data: bytes, source: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor comments, with their numbers."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidChecksumFile(f"{source} is not text", _HINT) from error
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r").lstrip(" \t")
        if any(ord(char) < 32 and char != "\t" for char in line):
            raise InvalidChecksumFile(f"{source}, line {number}, contains control characters", _HINT)
        if line and not line.startswith("#"):
            yield number, line
