"""Checksum files of a release, and the digest that they give an asset.

Lists are `SHA256SUMS`, `sha256sums.txt` and `checksums.txt`, in any case; `<asset>.sha256` and `<asset>.sha256sum` are
about one asset. Formats: sha256sum(1) in text and binary mode, and its --tag form, which is that of BSD and openssl.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from hero_build.errors import InvalidChecksumFile

SUFFIXES = (".sha256", ".sha256sum")
_LISTS = ("sha256sums", "sha256sums.txt", "checksums.txt")
_LINE = re.compile(r"(?P<digest>[0-9A-Fa-f]{64})(?: \*|[ \t]+)(?P<name>\S.*)")
_TAGGED = re.compile(r"SHA(?:2-)?256 ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Fa-f]{64})[ \t]*")
_BARE = re.compile(r"[0-9A-Fa-f]{64}")
_FOLDERS = re.compile(r"[/\\]")
_NAMES_SHOWN = 5
_HINT = "Report it to the publisher of the release; `sha256sum FILES > SHA256SUMS` writes a valid one."
_DISTRUST = "Do not use this release; report it to its publisher, or choose another with --version TAG."


class PublishedDigest(Struct, frozen=True):
    """The lower-case sha256 of an asset, and what publishes it: a checksum file's name, or "the release itself"."""

    sha256: str
    source: str


def is_list(name: str) -> bool:
    """Whether an asset of this name lists the digests of other assets."""
    return name.lower() in _LISTS


def is_checksum_file(name: str) -> bool:
    return is_list(name) or name.endswith(SUFFIXES)


def published_digests(
    assets: Mapping[str, str | None],
    *,
    files: Sequence[str],
    read: Callable[[str], bytes],
    every_list: bool = False,
    installed: Collection[str] = (),
) -> Mapping[str, PublishedDigest]:
    """The digest of each of the `assets` that has one; of these, the value is the digest that the forge gives.

    `files` are the names of all assets of the release, and `read` reads the content of one. `every_list`: each list
    must name each asset; otherwise another checksum file may. An asset's own checksum file is not read where a list
    gives a digest in `installed`: those bytes were compared with it when they were installed.
    Raises InvalidChecksumFile for a file that cannot be read, for an asset that the lists leave out, and for two files
    that contradict each other; and what `read` raises.
    """
    lists = {name: parse(read(name), name) for name in files if is_list(name)}
    digests: dict[str, PublishedDigest] = {}
    for asset, sha256 in assets.items():
        listed = [PublishedDigest(digest, name) for name in lists if (digest := _find(lists[name], asset, name))]
        own = () if any(item.sha256 in installed for item in listed) else _own(asset, files, read)
        published = (*listed, *own)
        if len(listed) < len(lists) and (every_list or not published):
            raise _not_listed(asset, {name: lists[name] for name in lists if not _find(lists[name], asset, name)})
        known = (*((PublishedDigest(sha256, "the release itself"),) if sha256 else ()), *published)
        if known:
            digests[asset] = _only(known, asset)
    return digests


def parse(data: bytes, source: str) -> Mapping[str, str]:
    """The lower-case digest of each file that a list (called `source` in errors) names.

    Lines are `hash  name`, `hash *name` or `SHA256 (name) = hash`; blank lines and lines that begin with # are skipped.
    Raises InvalidChecksumFile for any other line, for a file without lines, and for a name with two digests.
    """
    digests: dict[str, str] = {}
    for number, line in _content_lines(data, source):
        match = _LINE.fullmatch(line) or _TAGGED.fullmatch(line)
        if match is None:
            raise InvalidChecksumFile(f"{source}, line {number}, is not `hash  name`: {line[:80]!r}", _HINT)
        name, digest = match["name"].removeprefix("./"), match["digest"].lower()
        if digests.setdefault(name, digest) != digest:
            raise InvalidChecksumFile(f"{source} has two digests for {name!r}", _HINT)
    if not digests:
        raise InvalidChecksumFile(f"{source} names no file", _HINT)
    return digests


def parse_single(data: bytes, asset: str, source: str) -> str:
    """The lower-case digest in `<asset>.sha256`: a bare hash, or a line for the asset (in any folder).

    Raises InvalidChecksumFile, also if the file lists other files only.
    """
    lines = [line.strip() for _, line in _content_lines(data, source)]
    if len(lines) == 1 and _BARE.fullmatch(lines[0]):
        return lines[0].lower()
    listed = parse(data, source)
    digest = _find(listed, asset, source)
    if digest is None:
        raise _not_listed(asset, {source: listed})
    return digest


def own_files(asset: str, files: Collection[str]) -> tuple[str, ...]:
    """Those of the `files` that are checksum files of this asset only."""
    return tuple(name for suffix in SUFFIXES if (name := f"{asset}{suffix}") in files)


def find_listed(data: bytes, names: Collection[str], source: str) -> dict[str, str]:
    """The digests of those of the `names` that a list names, in any folder. Raises InvalidChecksumFile."""
    listed = parse(data, source)
    return {name: digest for name in names if (digest := _find(listed, name, source))}


def _own(asset: str, files: Sequence[str], read: Callable[[str], bytes]) -> tuple[PublishedDigest, ...]:
    return tuple(PublishedDigest(parse_single(read(name), asset, name), name) for name in own_files(asset, set(files)))


def _find(listed: Mapping[str, str], asset: str, source: str) -> str | None:
    """The digest of the asset, whatever the folder before its name."""
    digests = {digest for name, digest in listed.items() if asset in (name, _FOLDERS.split(name)[-1])}
    if len(digests) > 1:
        raise InvalidChecksumFile(f"{source} has two digests for {asset!r}", _HINT)
    return next(iter(digests), None)


def _only(known: Sequence[PublishedDigest], asset: str) -> PublishedDigest:
    for other in known[1:]:
        if other.sha256 != known[0].sha256:
            sentence = f"{known[0].source} and {other.source} have different digests for {asset!r}"
            raise InvalidChecksumFile(sentence, _DISTRUST)
    return known[0]


def _not_listed(asset: str, lists: Mapping[str, Mapping[str, str]]) -> InvalidChecksumFile:
    names = sorted({name for listed in lists.values() for name in listed})
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    sentence = f"{' and '.join(lists)} does not list {asset!r}; it lists {', '.join(names[:_NAMES_SHOWN])}{more}"
    return InvalidChecksumFile(sentence, _DISTRUST)


def _content_lines(data: bytes, source: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor comments, with their numbers."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"  # PowerShell writes UTF-16
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidChecksumFile(f"{source} is not text", _HINT) from error
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r").lstrip(" \t")
        if any(ord(char) < 32 and char != "\t" for char in line):
            raise InvalidChecksumFile(f"{source}, line {number}, contains control characters", _HINT)
        if line and not line.startswith("#"):
            yield number, line
