"""Describes, for an error, what a file is that is not in the expected format; and the error itself."""

import codecs

from msgspec import Struct

HEAD = 512
BROKEN_RELEASE = (
    "The published asset is broken: try another release with --version TAG, and report it to the publisher."
)
_LOGIN = "The forge probably sent a login page: check --forge, and whether the release is private."
_MESSAGE = "The forge sent a message instead of the file: check --forge, and whether the release is private."
_MAGIC = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"!<arch>\n", "an ar archive (a static library or a .deb)"),
    (b"\x7fELF", "an ELF file"),
    (b"#!", "a script"),
    (b"MZ", "a Windows program"),
    (b"\x00asm", "a WebAssembly module"),
    (b"\xca\xfe\xba\xbe", "a Mach-O program (macOS)"),
    (b"\xfe\xed\xfa\xce", "a Mach-O program (macOS)"),
    (b"\xfe\xed\xfa\xcf", "a Mach-O program (macOS)"),
    (b"\xce\xfa\xed\xfe", "a Mach-O program (macOS)"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program (macOS)"),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer"),
)


class InvalidFormat(Exception):
    """Why a file is not in the expected format, as the end of the sentence "<file> …"; `hint` is the next step."""

    def __init__(self, why: str, hint: str = BROKEN_RELEASE) -> None:
        super().__init__(why)
        self.hint = hint


class Description(Struct, frozen=True):
    """`words` continue the sentence "it is …"; `answer`: a server sent a message in place of the file."""

    words: str
    hint: str = BROKEN_RELEASE
    answer: bool = False


def describe(head: bytes) -> Description:
    """What a file is, by its first HEAD bytes."""
    if not head:
        return Description("an empty file")
    for magic, words in _MAGIC:
        if head.startswith(magic):
            return Description(words)
    if head[257:262] == b"ustar":
        return Description("a tar archive")
    return _text(head) or Description(f"of an unknown kind (it begins with {head[:8].hex(' ')})")


def first_line(head: bytes) -> str:
    """The first line that is not blank, at most 100 characters, without control characters."""
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n\v\f")
    line = "".join(char for char in text.splitlines()[0] if char.isprintable()) if text else ""
    return f"{line[:99]}…" if len(line) > 100 else line.rstrip()


def _text(head: bytes) -> Description | None:
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    line = first_line(head)
    if begin.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")):
        return Description(f"an HTML page that begins with {line!r}", _LOGIN, answer=True)
    if begin.startswith(b"<"):
        return Description(f"an XML document that begins with {line!r}", _MESSAGE, answer=True)
    if begin.startswith((b"{", b"[")) and b"\0" not in head:
        return Description(f"a JSON document that begins with {line!r}", _MESSAGE, answer=True)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return None
    return None if b"\0" in head or not line else Description(f"a text that begins with {line!r}")
