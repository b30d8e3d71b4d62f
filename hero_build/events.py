"""What the engine tells while it works. Events are values; `output/` decides what a person sees of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from hero_build.model.installed import PartId

if TYPE_CHECKING:
    from hero_build.model.steps import Failed


class Planning(Struct, frozen=True):
    app: str


class Started(Struct, frozen=True):
    """Work on a part begins; `total` is the bytes to come, None when no one knows."""

    part: PartId
    verb: str
    version: str
    total: int | None


class Transferred(Struct, frozen=True):
    """`size` more bytes of the part have arrived (negative: a transfer starts over)."""

    part: PartId
    size: int


class Retrying(Struct, frozen=True):
    what: str
    why: str
    wait: float


class GitProgress(Struct, frozen=True):
    """git brings `repo` here; `percent` of what `stage` (`Receiving objects`, in git's words) has to do is done."""

    repo: str
    stage: str
    percent: int


class CompileProgress(Struct, frozen=True):
    """`done` of `total` crates of the build that makes `part` are compiled (None: no one knows yet).

    `crate` is one that is under way; empty when nothing is known of it.
    """

    part: PartId
    done: int
    total: int | None
    crate: str


class Restarting(Struct, frozen=True):
    """A service is being restarted: asked to, then watched until it is steady, then asked how it is.

    `reset` begins the second and last attempt; `up` and `down` end it.
    """

    service: str
    step: Literal["restart", "settle", "health", "reset", "up", "down"]


class Finished(Struct, frozen=True):
    part: PartId


class PartFailed(Struct, frozen=True):
    failed: "Failed"


class WarningRaised(Struct, frozen=True):
    text: str
    hint: str = ""


Event = (
    Planning
    | Started
    | Transferred
    | Retrying
    | GitProgress
    | CompileProgress
    | Restarting
    | Finished
    | PartFailed
    | WarningRaised
)
Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """An Emit for callers that do not watch."""
