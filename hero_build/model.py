"""The nouns of the chain. Each step of the pipeline takes the value before it and returns the one after it:

    Facts ─► Decision ─► Fetched ─► Verified ─► Staged ─► Generation

Paths that leave this machine are `str` relative to the root; digests are lower-case hex sha256; sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from hero_build.artifact import Artifact, Cargo, Platform
from hero_build.errors import HeroBuildError
from hero_build.record import Backend, Elf, Fingerprint, Mode, Origin, PartId, Phase, Record


@dataclass(frozen=True, slots=True)
class Part:
    id: PartId
    artifacts: tuple[Artifact, ...]


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
    """The asset that would become an artifact, with the digest it must have and who tells it (None: no one does)."""

    asset: Asset
    sha256: str | None
    legacy: bool = False
    told_by: str | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout as a build would find it; `ref` is its branch, empty where HEAD is detached.

    `changes`: the paths in it that differ from the commit, where they are known already.
    """

    path: Path
    commit: str
    dirty: bool
    ref: str = ""
    changes: tuple[str, ...] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Job:
    """Programs of one tree, by one Cargo. `lib`: the folder that `{lib}` in its env means.

    `backend`: what makes them, where they are no programs but bundles; `optimise`: wasm-opt is run on those.

    `target`: the Rust target to build for; None: this machine's, or as cargo's configuration says. `zig`: another
    machine's linker is needed, and cargo-zigbuild brings it. `own`: the app whose recipe makes them in its own way
    (empty: cargo does).
    """

    tree: Tree
    cargo: Cargo
    programs: tuple[str, ...]
    lib: Path | None = None
    target: str | None = None
    own: str = ""
    zig: bool = False
    backend: Backend | None = None
    optimise: bool = True


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a build of an app would be: the job, all that its result rests on, and what would wrap the compiler."""

    job: Job
    fingerprint: Fingerprint
    wrapper: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """A part as it is on disk: the manifest's record, and one sentence for each way the disk disagrees with it."""

    record: Record
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for one app; `version` None is the newest release.

    `names`: of the islands that are wanted (none: all of them). `backend`: what is to make bundles; `optimise`: with
    wasm-opt.
    """

    app: str
    mode: Mode = "auto"
    version: str | None = None
    ref: str | None = None
    reset: bool = False
    checksum: Literal["required", "if-present"] = "if-present"
    update: bool = False
    phase: Phase = "install"
    names: tuple[str, ...] = ()
    backend: Backend = "direct"
    optimise: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision may look at. `complete`: installed parts of the app that are not named here go.

    `wanted` has the asset names that were looked for, the canonical one first; `offers` what was found. `set_from` says
    who tells the set of binaries, and `manifest` is the file of the release that does, where it is one. `forge` and
    `repo` are where a build comes from, `blueprint` is what it would be (None: none is meant, or, for those who only
    look, no checkout is there yet).
    """

    app: str
    platform: Platform
    parts: tuple[Part, ...]
    complete: bool
    installed: Mapping[PartId, Installed]
    release: Release | None
    offers: Mapping[Artifact, Offer]
    wanted: Mapping[Artifact, tuple[str, ...]]
    blueprint: Blueprint | None = None
    forge: str = ""
    repo: str = ""
    set_from: str = "the recipe"
    manifest: Asset | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    part: PartId
    why: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Download:
    """Fetch every artifact of the part from `offers` (same order); `origin` is what the manifest will say.

    `records` are the release's files that may tell how the part was built.
    """

    part: Part
    why: str
    platform: Platform
    origin: Origin
    offers: tuple[Offer, ...]
    records: tuple[Asset, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A build to be done; `libraries` are fetched, as everywhere, in the order of the part's."""

    job: Job
    origin: Origin
    platform: Platform
    libraries: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Build:
    """Build every program of the part. `task` None: what it takes is not known before there is a checkout."""

    part: Part
    why: str
    task: Task | None = None


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
