"""What the engine tells while it works. Events are values; `output/` decides what a person sees of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hero_build.record import PartId

if TYPE_CHECKING:
    from hero_build.model import Failed


@dataclass(frozen=True, slots=True)
class Planning:
    app: str


@dataclass(frozen=True, slots=True)
class Began:
    """Work on a part begins; `total` is the bytes to come, None when no one knows."""

    part: PartId
    verb: str
    version: str
    total: int | None


@dataclass(frozen=True, slots=True)
class Moved:
    """`size` more bytes of the part have arrived (negative: a transfer starts over)."""

    part: PartId
    size: int


@dataclass(frozen=True, slots=True)
class Retrying:
    what: str
    why: str
    wait: float


@dataclass(frozen=True, slots=True)
class Getting:
    """git brings `repo` here; `percent` of what `stage` (`Receiving objects`, in git's words) has to do is done."""

    repo: str
    stage: str
    percent: int


@dataclass(frozen=True, slots=True)
class Compiling:
    """`done` of `total` crates of the build that makes `part` are compiled (None: no one knows yet).

    `crate` is one that is under way; empty when nothing is known of it.
    """

    part: PartId
    done: int
    total: int | None
    crate: str


@dataclass(frozen=True, slots=True)
class Restarting:
    """A service is being restarted: asked to, then watched until it is steady, then asked how it is.

    `reset` begins the second and last attempt; `up` and `down` end it.
    """

    service: str
    step: Literal["restart", "settle", "health", "reset", "up", "down"]


@dataclass(frozen=True, slots=True)
class Finished:
    part: PartId


@dataclass(frozen=True, slots=True)
class Broke:
    failed: "Failed"


@dataclass(frozen=True, slots=True)
class Warned:
    text: str
    hint: str = ""


Event = Planning | Began | Moved | Retrying | Getting | Compiling | Restarting | Finished | Broke | Warned
Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """An Emit for callers that do not watch."""
