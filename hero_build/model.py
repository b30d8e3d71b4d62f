"""The nouns of the program. Each step of the pipeline takes the value before it and returns the one after it:

    Facts ─► Decision ─► Fetched ─► Verified ─► Staged ─► Generation

Paths that leave this machine are `str` relative to the root; digests are lower-case hex sha256; sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from hero_build.errors import HeroBuildError

Kind = Literal["server", "admin", "web", "cli"]
Mode = Literal["auto", "download", "source"]
Used = Literal["download", "source"]
Libc = Literal["musl", "gnu"]
STARTABLE: frozenset[Kind] = frozenset({"server", "admin", "web"})


@dataclass(frozen=True, slots=True)
class Platform:
    """What a program was built for, written `linux-amd64-musl` in asset names."""

    arch: str
    libc: Libc
    os: str = "linux"

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}-{self.libc}"


@dataclass(frozen=True, slots=True)
class Binary:
    """A program installed as `bin/<name>`; `formerly` is its asset name in releases from before a rename."""

    name: str
    kind: Kind
    formerly: str | None = None
    install_only: bool = False


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file at a fixed address with a fixed digest; `member` names the one wanted inside a .tgz or .zip."""

    platform: str
    url: str
    sha256: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library installed as `lib/<name>`: the same pinned file in every mode, one pin per `<os>-<arch>`."""

    name: str
    pins: tuple[Pinned, ...]


@dataclass(frozen=True, slots=True)
class WasmBundle:
    """A folder of WebAssembly and its glue under `share/hero_os/`."""

    name: str


Artifact = Binary | Library | WasmBundle


@dataclass(frozen=True, slots=True, order=True)
class PartId:
    """What is wholly old or wholly new: an app's binaries and libraries, or one bundle of it."""

    app: str
    bundle: str | None = None

    def __str__(self) -> str:
        return self.app if self.bundle is None else f"{self.app}/{self.bundle}"


@dataclass(frozen=True, slots=True)
class Part:
    id: PartId
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """A generic package of a forge: the second place where a recipe's files may be published."""

    owner: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a release. `id` changes when the file does (an upload's uuid, a digest); size and sha256 if told."""

    name: str
    url: str
    size: int | None = None
    id: str = ""
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """One published version of a repo as its forge tells it; `forge` is an address without credentials."""

    forge: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]
    commit: str | None = None
    prerelease: bool = False
    created: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """The asset that would become an artifact, with the digest it must have (None: the release tells none)."""

    asset: Asset
    sha256: str | None
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout as a build would find it."""

    path: Path
    commit: str
    dirty: bool


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
class Installed:
    """A part as it is on disk: the manifest's record, and one sentence for each way the disk disagrees with it."""

    record: Record
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for one app; `version` None is the newest release."""

    app: str
    mode: Mode = "auto"
    version: str | None = None
    ref: str | None = None
    reset: bool = False
    checksum: Literal["required", "if-present"] = "if-present"
    update: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision may look at. `complete`: installed parts of the app that are not named here go.

    `wanted` has the asset names that were looked for, the canonical one first; `offers` what was found.
    """

    app: str
    platform: Platform
    parts: tuple[Part, ...]
    complete: bool
    installed: Mapping[PartId, Installed]
    release: Release | None
    offers: Mapping[Artifact, Offer]
    wanted: Mapping[Artifact, tuple[str, ...]]
    tree: Tree | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    part: PartId
    why: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Download:
    """Fetch every artifact of the part from `offers` (same order); `origin` is what the manifest will say."""

    part: Part
    why: str
    platform: Platform
    origin: Origin
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Build:
    part: Part
    why: str


@dataclass(frozen=True, slots=True)
class Remove:
    part: PartId
    why: str


Decision = Keep | Download | Build | Remove


@dataclass(frozen=True, slots=True)
class Fetched:
    """Bytes that arrived, with the digest and size they really have. Nothing about them is trusted yet."""

    artifact: Artifact
    path: Path
    form: Literal["file", "tree", "archive"]
    sha256: str
    size: int
    offer: Offer | None = None


@dataclass(frozen=True, slots=True)
class File:
    """One file on its way in: where it lies, and where under the root it belongs."""

    dest: PurePosixPath
    path: Path
    sha256: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Verified:
    """An artifact that passed its `checks`. Only verify/ makes one, and nothing else can be staged."""

    artifact: Artifact
    files: tuple[File, ...]
    checks: tuple[str, ...]
    fetched: Fetched
    elf: Elf | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """An artifact whose files are in the store. Only install/ makes one, and nothing else can be committed."""

    verified: Verified


@dataclass(frozen=True, slots=True)
class Ready:
    part: Part
    origin: Origin
    artifacts: tuple[Verified, ...]


@dataclass(frozen=True, slots=True)
class Put:
    part: Part
    origin: Origin
    artifacts: tuple[Staged, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    part: PartId


@dataclass(frozen=True, slots=True)
class Revive:
    """Bring a part back as generation `number` holds it."""

    record: Record
    number: int


Change = Put | Drop | Revive


@dataclass(frozen=True, slots=True)
class Failed:
    app: str
    part: PartId | None
    error: HeroBuildError


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
