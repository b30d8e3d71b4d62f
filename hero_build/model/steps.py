"""The nouns of the chain. Each step of the pipeline takes the value before it and returns the one after it:

    Facts ─► Decision ─► Fetched ─► Verified ─► Staged ─► Generation

Paths that leave this machine are `str` relative to the root; digests are lower-case hex sha256; sizes are bytes.
"""

from pathlib import Path, PurePosixPath
from typing import Literal

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.model.artifacts import Artifact, Cargo
from hero_build.model.installed import Backend, Elf, Fingerprint, InstalledPart, Mode, Origin, PartId, Phase


class Part(Struct, frozen=True):
    id: PartId
    artifacts: tuple[Artifact, ...]


class Asset(Struct, frozen=True):
    """A file of a release. `id` changes when the file does (an upload's uuid, a digest); size and sha256 if told."""

    name: str
    url: str
    size: int | None = None
    id: str = ""
    sha256: str | None = None


class Release(Struct, frozen=True):
    """One published version of a repo as its forge tells it; `forge` is an address without credentials."""

    forge: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]
    commit: str | None = None
    prerelease: bool = False
    created: str = ""


class SelectedAsset(Struct, frozen=True):
    """The asset that would become an artifact, with the digest it must have and who tells it (None: no one does)."""

    asset: Asset
    sha256: str | None
    legacy: bool = False
    digest_source: str | None = None


class Tree(Struct, frozen=True, eq=False):
    """A checkout as a build would find it; `ref` is its branch, empty where HEAD is detached.

    `changes`: the paths in it that differ from the commit, where they are known already.
    """

    path: Path
    commit: str
    dirty: bool
    ref: str = ""
    changes: tuple[str, ...] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both are the same state of the same checkout; `changes` only saves a second look at it."""
        return isinstance(other, Tree) and self._state == other._state

    def __hash__(self) -> int:
        return hash(self._state)

    @property
    def _state(self) -> tuple[Path, str, bool, str]:
        return self.path, self.commit, self.dirty, self.ref


class CargoJob(Struct, frozen=True):
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


class BuildPlan(Struct, frozen=True):
    """What a build of an app would be: the job, all that its result rests on, and what would wrap the compiler."""

    job: CargoJob
    fingerprint: Fingerprint
    wrapper: str = ""


class Installed(Struct, frozen=True):
    """A part as it is on disk: the manifest's record, and one sentence for each way the disk disagrees with it."""

    record: InstalledPart
    damage: tuple[str, ...] = ()


class Request(Struct, frozen=True):
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


class Fetched(Struct, frozen=True):
    """Bytes that arrived, with the digest and size they really have. Nothing about them is trusted yet."""

    artifact: Artifact
    path: Path
    form: Literal["file", "tree", "archive"]
    sha256: str
    size: int
    selected: SelectedAsset | None = None


class File(Struct, frozen=True):
    """One file on its way in: where it lies, and where under the root it belongs."""

    dest: PurePosixPath
    path: Path
    sha256: str
    size: int
    mode: int


class Verified(Struct, frozen=True):
    """An artifact that passed its `checks`. Only verify/ makes one, and nothing else can be staged."""

    artifact: Artifact
    files: tuple[File, ...]
    checks: tuple[str, ...]
    fetched: Fetched
    elf: Elf | None = None


class Staged(Struct, frozen=True):
    """An artifact whose files are in the store. Only install/ makes one, and nothing else can be committed."""

    verified: Verified


class VerifiedPart(Struct, frozen=True):
    part: Part
    origin: Origin
    artifacts: tuple[Verified, ...]


class Put(Struct, frozen=True):
    part: Part
    origin: Origin
    artifacts: tuple[Staged, ...]


class Drop(Struct, frozen=True):
    part: PartId


class Restore(Struct, frozen=True):
    """Bring a part back as generation `number` holds it."""

    record: InstalledPart
    number: int


Change = Put | Drop | Restore


class Failed(Struct, frozen=True):
    app: str
    part: PartId | None
    error: HeroBuildError
