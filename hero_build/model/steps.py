"""The values of the pipeline. Each step takes the value before it and returns the one after it:

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
    """A part to be installed: its id, and the artifacts that it consists of."""

    id: PartId
    artifacts: tuple[Artifact, ...]


class Asset(Struct, frozen=True):
    """A file of a release. `id` changes when the file does (an upload's uuid, a digest).

    `size` is in bytes; it and the sha256 are None where the forge does not give them.
    """

    name: str
    url: str
    size: int | None = None
    id: str = ""
    sha256: str | None = None


class Release(Struct, frozen=True):
    """One published version of a repo, as its forge lists it; `forge` is an address without credentials."""

    forge: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]
    commit: str | None = None
    prerelease: bool = False
    created: str = ""


class SelectedAsset(Struct, frozen=True):
    """The asset that becomes an artifact, with its expected digest and where that comes from (None: there is none).

    `legacy`: it has the name from before a rename.
    """

    asset: Asset
    sha256: str | None
    legacy: bool = False
    digest_source: str | None = None


class Tree(Struct, frozen=True, eq=False):
    """The state of a checkout; `ref` is its branch, empty where HEAD is detached.

    `changes`: the paths in it that differ from the commit, None where they have not been read.
    """

    path: Path
    commit: str
    dirty: bool
    ref: str = ""
    changes: tuple[str, ...] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both are the same state of the same checkout; `changes` follows from it."""
        return isinstance(other, Tree) and self._state == other._state

    def __hash__(self) -> int:
        return hash(self._state)

    @property
    def _state(self) -> tuple[Path, str, bool, str]:
        return self.path, self.commit, self.dirty, self.ref


class CargoJob(Struct, frozen=True):
    """Programs, or bundles, that one call of cargo builds in one checkout.

    lib: the folder that `{lib}` in the environment of `cargo` stands for.
    target: the Rust target triple; None: this machine's, or what cargo's configuration says.
    recipe_app: the app whose recipe overrides `build` and builds them itself; empty: cargo does.
    zig: cross-compile with cargo-zigbuild, which brings the linker.
    backend: what builds them, where they are bundles; optimise: run wasm-opt on those.
    tools: name and version of each tool that was detected for them; empty: not detected yet.
    workspaces: the folders of the workspaces that have them, relative to the checkout; empty: its root alone.
    rerun: packages whose build scripts run again, though cargo knows of no reason.
    writable_locks: the Cargo.lock files that the build may write: missing ones, and those of earlier builds.
    shared_target: the folder for cargo's output that all checkouts share; None: something else names the folder.
    """

    tree: Tree
    cargo: Cargo
    programs: tuple[str, ...]
    lib: Path | None = None
    target: str | None = None
    recipe_app: str = ""
    zig: bool = False
    backend: Backend | None = None
    optimise: bool = True
    tools: tuple[tuple[str, str], ...] = ()
    workspaces: tuple[str, ...] = ()
    rerun: tuple[str, ...] = ()
    writable_locks: tuple[Path, ...] = ()
    shared_target: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where cargo is called: the folder of each workspace."""
        return tuple(self.tree.path / name for name in self.workspaces) or (self.tree.path,)

    @property
    def folder(self) -> Path:
        """The folder of the first workspace; bundles have no other."""
        return self.folders[0]


class RecordedBuild(Struct, frozen=True):
    """The last build with a fingerprint: a digest of what it made, by program or bundle, of which what it read is known
    completely; and the inputs beside those of the fingerprint that changed since: paths, and `$NAME` of variables.

    `rerun`: packages whose build scripts cargo has to run again, though it does not know that.
    """

    outputs: tuple[tuple[str, str], ...] = ()
    changed: tuple[str, ...] = ()
    rerun: tuple[str, ...] = ()


class BuildPlan(Struct, frozen=True):
    """How an app would be built: the job, the fingerprint of its inputs, and the compiler's wrapper (empty: none).

    `last`: what is recorded of the last such build.
    """

    job: CargoJob
    fingerprint: Fingerprint
    wrapper: str = ""
    last: RecordedBuild = RecordedBuild()


class Installed(Struct, frozen=True):
    """A part on disk: the manifest's record, and one sentence for each difference of the disk from it."""

    record: InstalledPart
    damage: tuple[str, ...] = ()


class Request(Struct, frozen=True):
    """What a person requests for one app.

    version: a release's version; None: the newest. ref: a branch, tag or commit to build; None: the checkout's own.
    reset: install again what is up to date. update: pull the checkout first.
    names: the islands to install; none: all of them. backend: what builds bundles; optimise: run wasm-opt on them.
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
    """A downloaded file or the output of a build, with its actual digest and size. It is not trusted yet."""

    artifact: Artifact
    path: Path
    form: Literal["file", "tree", "archive"]
    sha256: str
    size: int
    selected: SelectedAsset | None = None


class File(Struct, frozen=True):
    """A file to be installed: where it is now (`path`), and its path below the root (`dest`)."""

    dest: PurePosixPath
    path: Path
    sha256: str
    size: int
    mode: int


class Verified(Struct, frozen=True):
    """An artifact that passed its `checks`. Only verify/ creates it; only a Verified artifact can be staged."""

    artifact: Artifact
    files: tuple[File, ...]
    checks: tuple[str, ...]
    fetched: Fetched
    elf: Elf | None = None


class Staged(Struct, frozen=True):
    """An artifact whose files are in the store. Only install/ creates it; only a Staged one can be committed."""

    verified: Verified


class VerifiedPart(Struct, frozen=True):
    """A part whose artifacts are all verified."""

    part: Part
    origin: Origin
    artifacts: tuple[Verified, ...]

    @property
    def id(self) -> PartId:
        return self.part.id


class Put(Struct, frozen=True):
    """Install a part, or replace it."""

    part: Part
    origin: Origin
    artifacts: tuple[Staged, ...]


class Drop(Struct, frozen=True):
    """Remove a part."""

    part: PartId


class Restore(Struct, frozen=True):
    """Restore a part as generation `number` has it."""

    record: InstalledPart
    number: int

    @property
    def id(self) -> PartId:
        return self.record.id


Change = Put | Drop | Restore


class Failed(Struct, frozen=True):
    """An app, or one part of it, that failed."""

    app: str
    part: PartId | None
    error: HeroBuildError


Produced = VerifiedPart | Restore | Failed
"""What becomes of a decision: a new part, the installed one where a build would make the same, or an error."""
