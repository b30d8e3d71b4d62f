"""Progress of the work, as values; `output/` decides what a person sees of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from hero_build.model.installed import PartId

if TYPE_CHECKING:
    from hero_build.model.steps import Failed


class Planning(Struct, frozen=True):
    app: str


class Started(Struct, frozen=True):
    """Work on a part starts; `total` is the number of bytes to transfer, None when it is not known.

    `why`: of a build that nobody asked for, why it is not a download.
    """

    part: PartId
    verb: str
    version: str
    total: int | None
    why: str = ""


class Transferred(Struct, frozen=True):
    """`size` more bytes of the part have arrived (negative: a transfer starts over)."""

    part: PartId
    size: int


class Retrying(Struct, frozen=True):
    what: str
    why: str
    wait: float


class GitProgress(Struct, frozen=True):
    """git fetches `repo`; `percent` of `stage` (`Receiving objects`, in git's words) is done."""

    repo: str
    stage: str
    percent: int


class CompileProgress(Struct, frozen=True):
    """`done` of `total` crates of the build of `part` are compiled (None: not known yet).

    `crate` is one that is being compiled; empty when it is not known.
    """

    part: PartId
    done: int
    total: int | None
    crate: str


class Restarting(Struct, frozen=True):
    """A service is being restarted: requested, then watched until its state settles, then checked for health.

    `reset` starts the second and last attempt; `up` and `down` are the outcome.
    """

    service: str
    step: Literal["restart", "settle", "health", "reset", "up", "down"]
    app: str = ""


ServiceStepName = Literal["check", "prepare", "start", "health", "reset", "stop", "wait"]
"""`wait`: for another command that starts or stops the service; `reset` starts the second and last attempt."""


class ServiceStep(Struct, frozen=True):
    """What a start or a stop does with a service now. A service that is left as it is has `check` or nothing.

    `limit`: the seconds after which a `stop` ends with SIGKILL; 0: not known.
    """

    service: str
    step: ServiceStepName
    app: str = ""
    limit: float = 0.0


class ServiceDone(Struct, frozen=True):
    """A service is up, or stopped (`ok`), or not; `text` is what a person reads: `healthy, 0.4 s`."""

    service: str
    ok: bool
    text: str


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
    | ServiceStep
    | ServiceDone
    | Finished
    | PartFailed
    | WarningRaised
)
Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """An Emit that ignores the event."""
