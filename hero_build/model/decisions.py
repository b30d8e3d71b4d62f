"""What a decision is made from, and the decisions: Facts ─► Decision, with a reason that code can read beside the
sentence for people.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from hero_build.errors import AssetNotFound, NotFound, ReleaseNotFound
from hero_build.model.artifacts import Artifact, Platform
from hero_build.model.installed import Origin, PartId
from hero_build.model.steps import Asset, BuildPlan, CargoJob, Installed, Part, Release, Restore, SelectedAsset


class Reason(StrEnum):
    """Why a part is kept, installed, replaced or removed."""

    UP_TO_DATE = "up-to-date"
    NOT_INSTALLED = "not-installed"
    DAMAGED = "damaged"
    RESET = "reset"
    OTHER_MODE = "other-mode"
    OTHER_VERSION = "other-version"
    REPUBLISHED = "republished"
    SET_CHANGED = "set-changed"
    INPUTS_CHANGED = "inputs-changed"
    INPUTS_UNKNOWN = "inputs-unknown"
    NOT_IN_RECIPE = "not-in-recipe"
    NOT_IN_LOCK = "not-in-lock"


class FromRelease(Struct, frozen=True):
    """The whole app is downloaded, never half of it."""

    release: Release
    why: str


class FromSource(Struct, frozen=True):
    """The whole app is built. `unavailable`: where `auto` falls back to a build, the error of --mode download."""

    why: str
    unavailable: NotFound | None = None


class Unavailable(Struct, frozen=True):
    """A download was asked for, and the release lacks an artifact."""

    error: AssetNotFound


Choice = FromRelease | FromSource | Unavailable
"""Where an app comes from, decided once for all its parts before anything is cloned."""


class Facts(Struct, frozen=True):
    """All that a decision may look at. `complete`: installed parts of the app that are not named here are removed.

    `asset_names` are those that were looked for, the canonical one first; `selected` are the assets that match.
    `set_from` says who lists the artifacts, and `manifest` is the file of the release that does, where it is one.
    `forge` and `repo` are where a build comes from, `build_plan` is what it would be (None: the choice is a release, or
    a command that only looks has no checkout). `absent`: why there is no release, where one was asked for.
    """

    app: str
    platform: Platform
    parts: tuple[Part, ...]
    complete: bool
    installed: Mapping[PartId, Installed]
    release: Release | None
    selected: Mapping[Artifact, SelectedAsset]
    asset_names: Mapping[Artifact, tuple[str, ...]]
    choice: Choice
    build_plan: BuildPlan | None = None
    forge: str = ""
    repo: str = ""
    set_from: str = "the recipe"
    manifest: Asset | None = None
    absent: ReleaseNotFound | None = None


class Keep(Struct, frozen=True):
    part: PartId
    why: str
    origin: Origin
    reason: Reason = Reason.UP_TO_DATE


class Download(Struct, frozen=True):
    """Fetch every artifact of the part from `selected` (same order); `origin` is what the manifest will say.

    `records` are the release's files that may say how the part was built.
    """

    part: Part
    why: str
    platform: Platform
    origin: Origin
    selected: tuple[SelectedAsset, ...]
    records: tuple[Asset, ...] = ()
    reason: Reason = Reason.NOT_INSTALLED


class BuildTask(Struct, frozen=True):
    """A build to be done; `libraries` are fetched, as everywhere, in the order of the part's."""

    job: CargoJob
    origin: Origin
    platform: Platform
    libraries: tuple[SelectedAsset, ...]


class Build(Struct, frozen=True):
    """Build every program of the part. `task` None: what it takes is not known before there is a checkout.

    `fallback`: nobody asked for a build, but the release lacks something. `installed`: the part as the root has it,
    intact, which stays where the build makes the same.
    """

    part: Part
    why: str
    task: BuildTask | None = None
    reason: Reason = Reason.NOT_INSTALLED
    fallback: bool = False
    installed: Restore | None = None


class Remove(Struct, frozen=True):
    part: PartId
    why: str
    reason: Reason = Reason.NOT_IN_RECIPE


Decision = Keep | Download | Build | Remove
