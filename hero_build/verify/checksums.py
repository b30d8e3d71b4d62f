"""Checksum files of a release, and the digest that they give an asset.

Lists are files called `SHA256SUMS`, `checksums.txt` and the like (`app_1.0_checksums.txt`, `SHASUMS256.txt`), in any
case; `<asset>.sha256`, `.sha256sum` and `.sha256.txt` are about one asset. Formats: sha256sum(1) in text and binary
mode, with its escapes, and its --tag form, which is that of BSD and openssl; also clear-signed by OpenPGP.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from hero_build.errors import InvalidChecksumFile

_SUFFIXES = (".sha256", ".sha256sum", ".sha256sums", ".sha256.txt")
_USUAL, _WORDS = "SHA256SUMS", ("sha", "checksum")
"""The usual name of a list, and words of which each other one has one."""
_LIST = (  # patterns are compiled where a text is compared with them: for most releases one or two of them
    r"(?i)((.*[-_])?(sha-?256-?sums?|sha-?sums?[-_.]?256|sha256(?=\.txt))|(.*[-_.])?checksums?([-_.]sha-?256)?"
    r"|(.*[-_])?sha-?256[-_.]checksums?)(\.(txt|sha256|sha256sums?))?"
)
_OTHER_ALGORITHM = r"(?i).*[-_.]?((sha-?(1|224|384|512)|b2|b3|md5)-?(sums?)?|sha-?sums?-?512)(\.txt)?"
_LINE = r"(?s)(?P<digest>[0-9A-Fa-f]{64})(?: \*|[ \t]+)(?P<name>\S.*)"
_TAGGED = r"(?s)SHA(?:2-)?256 ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Fa-f]{64})[ \t]*"
_TAGGED_OTHER = r"(?!(?i:sha(2-)?256) ?\()[A-Z][\w/-]* ?\(.+\) ?= ?[\w+/=]+( bytes)?[ \t]*"
_ESCAPE = r"\\([\\nr])"
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}
_SIGNED, _SIGNATURE = "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----"
_UTF8_MARK = b"\xef\xbb\xbf"
_BARE = r"[0-9A-Fa-f]{64}"
_NAMES_SHOWN = 5
_HINT = "Report it to the publisher of the release; `sha256sum FILES > SHA256SUMS` writes a valid one."
_DISTRUST = "Do not use this release; report it to its publisher, or choose another with --version TAG."


class PublishedDigest(Struct, frozen=True):
    """The lower-case sha256 of an asset, and what publishes it: a checksum file's name, or "the release itself"."""

    sha256: str
    source: str


def is_list(name: str) -> bool:
    """Whether an asset of this name lists the digests of other assets."""
    if name == _USUAL:
        return True
    if name.isascii() and not any(word in name.lower() for word in _WORDS):
        return False
    return re.fullmatch(_LIST, name) is not None


def is_checksum_file(name: str) -> bool:
    return is_list(name) or name.lower().endswith(_SUFFIXES)


def uncompared_files(assets: Collection[str], files: Collection[str]) -> tuple[str, ...]:
    """Those of the `files` that have checksums of other algorithms, and not only of other files than the assets."""
    others = tuple(f"{name}." for name in files if name not in assets)
    return tuple(name for name in files if re.fullmatch(_OTHER_ALGORITHM, name) and not name.startswith(others))


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
    gives a digest in `installed`: those bytes were compared with it when they were installed. A file `x.sha256` of a
    release without an asset `x` counts for the assets that it names.
    Raises InvalidChecksumFile for a file that cannot be read, for an asset that the lists leave out, and for two files
    that contradict each other; and what `read` raises.
    """
    lists = {name: parse(read(name), name) for name in files if is_list(name)}
    loose = {name: _parse_loose(read(name), name) for name in _of_no_asset(files)}
    digests: dict[str, PublishedDigest] = {}
    for asset, sha256 in assets.items():
        listed = [PublishedDigest(digest, name) for name in lists if (digest := _find(lists[name], asset, name))]
        own = () if any(item.sha256 in installed for item in listed) else _own(asset, files, read)
        named = [PublishedDigest(digest, name) for name in loose if (digest := _find(loose[name], asset, name))]
        published = (*listed, *own, *named)
        if len(listed) < len(lists) and (every_list or not published):
            raise _not_listed(asset, {name: lists[name] for name in lists if not _find(lists[name], asset, name)})
        known = (*((PublishedDigest(sha256, "the release itself"),) if sha256 else ()), *published)
        if known:
            digests[asset] = _only(known, asset)
    return digests


def parse(data: bytes, source: str) -> Mapping[str, str]:
    """The lower-case digest of each file that a list (called `source` in errors) names.

    Lines are `hash  name`, `hash *name` or `SHA256 (name) = hash`; blank lines, lines that begin with # and such lines
    of other algorithms are skipped. Raises InvalidChecksumFile for any other line, for a file without lines, and for a
    name with two digests.
    """
    digests: dict[str, str] = {}
    others = ""
    for number, line in _content_lines(data, source):
        plain = re.sub(_ESCAPE, lambda found: _ESCAPED[found[1]], line[1:]) if line.startswith("\\") else line
        match = re.fullmatch(_LINE, plain) or re.fullmatch(_TAGGED, plain)
        if match is None and re.fullmatch(_TAGGED_OTHER, plain):
            others = " with a sha256"
            continue
        if match is None:
            raise InvalidChecksumFile(f"{source}, line {number}, is not `hash  name`: {line[:80]!r}", _HINT)
        name, digest = match["name"].removeprefix("./"), match["digest"].lower()
        if digests.setdefault(name, digest) != digest:
            raise InvalidChecksumFile(f"{source} has two digests for {name!r}", _HINT)
    if not digests:
        raise InvalidChecksumFile(f"{source} names no file{others}", _HINT)
    return digests


def parse_single(data: bytes, asset: str, source: str) -> str:
    """The lower-case digest in `<asset>.sha256`: a bare hash, or a line for the asset (in any folder).

    Raises InvalidChecksumFile, also if the file lists other files only.
    """
    lines = [line.strip() for _, line in _content_lines(data, source)]
    if len(lines) == 1 and re.fullmatch(_BARE, lines[0]):
        return lines[0].lower()
    listed = parse(data, source)
    digest = _find(listed, asset, source)
    if digest is None:
        raise _not_listed(asset, {source: listed})
    return digest


def own_files(asset: str, files: Collection[str]) -> tuple[str, ...]:
    """Those of the `files` that are checksum files of this asset only."""
    names = {f"{asset}{suffix}".lower() for suffix in _SUFFIXES}
    return tuple(name for name in files if name.lower() in names)


def find_listed(data: bytes, names: Collection[str], source: str) -> dict[str, str]:
    """The digests of those of the `names` that a list names, in any folder. Raises InvalidChecksumFile."""
    listed = parse(data, source)
    return {name: digest for name in names if (digest := _find(listed, name, source))}


def _own(asset: str, files: Sequence[str], read: Callable[[str], bytes]) -> tuple[PublishedDigest, ...]:
    return tuple(PublishedDigest(parse_single(read(name), asset, name), name) for name in own_files(asset, files))


def _of_no_asset(files: Sequence[str]) -> Iterator[str]:
    """The files `x.sha256` of which no `x` is there."""
    names = {name.lower() for name in files}
    for name in files:
        suffix = next((end for end in _SUFFIXES if name.lower().endswith(end)), "")
        if suffix and not is_list(name) and name.lower().removesuffix(suffix) not in names:
            yield name


def _parse_loose(data: bytes, source: str) -> Mapping[str, str]:
    """As `parse`; a bare hash, of a file that is not there, names none."""
    lines = [line.strip() for _, line in _content_lines(data, source)]
    return {} if len(lines) == 1 and re.fullmatch(_BARE, lines[0]) else parse(data, source)


def _find(listed: Mapping[str, str], asset: str, source: str) -> str | None:
    """The digest of the asset, whatever the folder before its name."""
    digests = {digest for name, digest in listed.items() if asset in (name, name.replace("\\", "/").rpartition("/")[2])}
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
    utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # as PowerShell writes it
    try:
        text = data.decode("utf-16") if utf_16 else data.removeprefix(_UTF8_MARK).decode()
    except UnicodeDecodeError as error:
        raise InvalidChecksumFile(f"{source} is not text", _HINT) from error
    lines = [line.removesuffix("\r").strip(" \t") for line in text.split("\n")]
    for number, line in _without_signature(lines):
        if any(ord(char) < 32 and char != "\t" for char in line):
            raise InvalidChecksumFile(f"{source}, line {number}, contains control characters", _HINT)
        if line and not line.startswith("#"):
            yield number, line


def _without_signature(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The numbered lines, of a clear-signed message (RFC 9580, section 7) those between its headers and signature."""
    first = next((number for number, line in enumerate(lines) if line), 0)
    signed = lines[first] == _SIGNED
    start = lines.index("", first) + 1 if signed and "" in lines[first:] else 0
    for number, line in enumerate(lines[start:], start + 1):
        if signed and line == _SIGNATURE:
            return
        yield number, line
