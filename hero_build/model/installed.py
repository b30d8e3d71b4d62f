"""What is committed, as a manifest records it: all that a reader of a root needs.

Paths are `str` relative to the root; digests are lower-case hex sha256; sizes are bytes.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct, field

SCHEMA: Literal[1] = 1
"""The version of the manifest's format."""
Kind = Literal["server", "admin", "web", "cli"]
Mode = Literal["auto", "download", "source"]
Used = Literal["download", "source"]
Phase = Literal["install", "shell", "islands"]
"""The three commands that install, each a set of its own: programs and libraries, the shell, the islands."""
Backend = Literal["direct", "wasm-pack"]
"""What builds the bundles of a workspace: hero-build itself, or wasm-pack."""
AdoptedForm = Literal["file", "link", "folder"]
STARTABLE: frozenset[Kind] = frozenset({"server", "admin", "web"})


class PartId(Struct, frozen=True, order=True):
    """What is replaced as a whole: an app's binaries and libraries, or one of its bundles."""

    app: str
    bundle: str | None = None

    def __str__(self) -> str:
        return self.app if self.bundle is None else f"{self.app}/{self.bundle}"


class Fingerprint(Struct, frozen=True):
    """The inputs of a build by name, each as a word that changes with it (a commit, a compiler's name, a digest).

    Equal fingerprints mean that a rebuild would change nothing (docs/source.md).
    """

    parts: tuple[tuple[str, str], ...]

    def changed(self, older: "Fingerprint") -> tuple[str, ...]:
        """The names of the components in which this one differs from `older`."""
        new, old = dict(self.parts), dict(older.parts)
        return tuple(name for name in {**old, **new} if new.get(name) != old.get(name))


class BuildInfo(Struct, frozen=True):
    """How a part was built: the branch (empty: none), its inputs, and the compiler's wrapper (empty: none).

    Of a bundle, also what made it and whether wasm-opt was run on it; None where that is not recorded.
    """

    ref: str
    fingerprint: Fingerprint
    wrapper: str = ""
    backend: Backend | None = None
    optimise: bool | None = None


class Origin(Struct, frozen=True):
    """Where a part came from and why: the mode that was requested, the one that was used, and the reason.

    `phase` is None in manifests from before it was recorded.
    """

    version: str
    requested: Mode
    used: Used
    why: str
    forge: str
    repo: str
    tag: str | None
    commit: str | None = None
    dirty: bool | None = None
    build: BuildInfo | None = None
    phase: Phase | None = None


class Elf(Struct, frozen=True):
    """What kind of ELF file a binary or library is."""

    machine: str
    libc: str
    static: bool


class FileEntry(Struct, frozen=True):
    """A file as committed; `path` is relative to the root (`bin/hero_db`)."""

    path: str
    sha256: str
    size: int
    mode: int


class InstalledArtifact(Struct, frozen=True):
    """An artifact as committed: its files, the asset they came from, and the checks they passed.

    `install_only`: another program starts it.
    """

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
    install_only: bool = False

    @property
    def startable(self) -> bool:
        """Whether it is a daemon, that may be a service. An install_only program has the kind cli, whatever it does."""
        return self.artifact == "binary" and self.kind in STARTABLE


def outputs_digest(files: Iterable[tuple[str, str]]) -> str:
    """A digest of the files of an artifact, each with its path below the root and its sha256."""
    import hashlib  # not for those who only read a manifest

    return hashlib.sha256("\0".join(word for file in sorted(files) for word in file).encode()).hexdigest()


class InstalledPart(Struct, frozen=True):
    """A part as the manifest records it."""

    id: PartId
    origin: Origin
    entries: tuple[InstalledArtifact, ...]


class Adopted(Struct, frozen=True):
    """A foreign file, link or folder that stood at `path` before hero-build; it is kept, and restored later."""

    path: str
    form: AdoptedForm


class Generation(Struct, frozen=True):
    """One committed state of a root, as its manifest.json records it; number 0 is the empty one before the first.

    `lock`: the sha256 of the lock file whose apps, all of them, it was made to have; None: of none.
    """

    number: int
    created: str = ""
    tool: str = ""
    action: str = ""
    records: Mapping[PartId, InstalledPart] = field(default_factory=dict)
    adopted: tuple[Adopted, ...] = ()
    lock: str | None = None
