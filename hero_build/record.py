"""The nouns of what is committed, as a manifest holds them: all that a reader of a root needs.

Paths are `str` relative to the root; digests are lower-case hex sha256; sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["server", "admin", "web", "cli"]
Mode = Literal["auto", "download", "source"]
Used = Literal["download", "source"]
Phase = Literal["install", "shell", "islands"]
"""What is installed together, and never along with the others: programs and libraries, the shell, the islands."""
Backend = Literal["direct", "wasm-pack"]
"""What makes bundles of a workspace: hero-build itself, or wasm-pack."""
STARTABLE: frozenset[Kind] = frozenset({"server", "admin", "web"})


@dataclass(frozen=True, slots=True, order=True)
class PartId:
    """What is wholly old or wholly new: an app's binaries and libraries, or one bundle of it."""

    app: str
    bundle: str | None = None

    def __str__(self) -> str:
        return self.app if self.bundle is None else f"{self.app}/{self.bundle}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """All that a build's result rests on: components by name, each as a word that changes when it does (a commit, a
    compiler's name, a digest). Equal fingerprints mean that a rebuild would change nothing."""

    parts: tuple[tuple[str, str], ...]

    def changed(self, older: "Fingerprint") -> tuple[str, ...]:
        """The names of the components in which this one differs from `older`."""
        mine, theirs = dict(self.parts), dict(older.parts)
        return tuple(name for name in {**theirs, **mine} if mine.get(name) != theirs.get(name))


@dataclass(frozen=True, slots=True)
class Making:
    """How a part was made: the branch (empty: none), what it rested on, and the compiler's wrapper (empty: none)."""

    ref: str
    fingerprint: Fingerprint
    wrapper: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a part came from and why: what was asked, what was done, and the sentence that explains it."""

    version: str
    requested: Mode
    used: Used
    why: str
    forge: str
    repo: str
    tag: str | None
    commit: str | None = None
    dirty: bool | None = None
    build: Making | None = None


@dataclass(frozen=True, slots=True)
class Elf:
    machine: str
    libc: str
    static: bool


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file as committed; `path` is relative to the root (`bin/hero_db`)."""

    path: str
    sha256: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An artifact as committed: its files, the asset they came from, and the checks they passed."""

    name: str
    artifact: Literal["binary", "library", "bundle"]
    files: tuple[FileEntry, ...]
    kind: Kind | None = None
    asset: str | None = None
    asset_id: str = ""
    asset_sha256: str | None = None
    legacy_name: bool = False
    verified: tuple[str, ...] = ()
    elf: Elf | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A part as the manifest holds it."""

    id: PartId
    origin: Origin
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Adopted:
    """A foreign file, link or folder that stood at `path` before hero-build; kept to be given back."""

    path: str
    form: Literal["file", "link", "folder"]


@dataclass(frozen=True, slots=True)
class Generation:
    """One committed state of a root, as its manifest.json says; number 0 is the empty one before the first commit."""

    number: int
    created: str = ""
    tool: str = ""
    action: str = ""
    records: Mapping[PartId, Record] = field(default_factory=dict)
    adopted: tuple[Adopted, ...] = ()
