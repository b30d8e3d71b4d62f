"""The jobs of a release as the JSON of a dynamic matrix: apps × platforms, and islands in shards of even cost.

strategy:
  matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}
"""

import heapq
import json
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.forge.build_record import record_name


class Island(Struct, frozen=True):
    """`cost` in any unit (seconds, bytes), as long as all islands have the same."""

    name: str
    cost: float = 1.0


class CiPlan(Struct, frozen=True):
    """What there is to build of one app."""

    app: str
    platforms: tuple[str, ...] = ()
    islands: tuple[Island, ...] = ()


class CiJob(Struct, frozen=True):
    """One job. `what` is its platform or, for islands, `islands-1of4`; it is part of the names of its records."""

    app: str
    what: str
    platform: str = ""
    islands: tuple[str, ...] = ()


def plan_jobs(works: Iterable[CiPlan], shards: int = 1) -> tuple[CiJob, ...]:
    """Every app for every platform, then its islands in at most `shards` jobs. Raises UsageError for `shards` < 1."""
    if shards < 1:
        raise UsageError(f"{shards} shards cannot hold the islands", "Name a number from 1 on with --shards.")
    return tuple(job for work in works for job in _app_jobs(work, shards))


def balance(islands: Sequence[Island], shards: int) -> tuple[tuple[str, ...], ...]:
    """The islands in at most `shards` groups, none empty, the dearest first into the cheapest group (LPT: at most a
    third dearer than the best there is; Graham 1969). Equal input gives equal groups, whatever its order.
    """
    groups: list[list[str]] = [[] for _ in range(min(shards, len(islands)))]
    heap = [(0.0, number) for number in range(len(groups))]
    for island in sorted(islands, key=lambda island: (-island.cost, island.name)):
        cost, number = heapq.heappop(heap)
        groups[number].append(island.name)
        heapq.heappush(heap, (cost + island.cost, number))
    return tuple(tuple(sorted(group)) for group in groups)


def encode(found: Sequence[CiJob]) -> str:
    """One line of JSON, `{"include": […]}`, each job with `app`, `what`, `platform` and `islands` (space-separated).

    An empty matrix is no matrix: a workflow asks for `include[0]` before it starts its jobs.
    """
    told = [
        {"app": job.app, "what": job.what, "platform": job.platform, "islands": " ".join(job.islands)} for job in found
    ]
    return json.dumps({"include": told}, separators=(",", ":"))


def decode(text: str) -> tuple[CiJob, ...]:
    """The jobs of a matrix as `document` wrote it, or the one job that a server made of an entry of it.

    Raises UsageError for what is neither.
    """
    try:
        told = json.loads(text)
        return tuple(_job(entry) for entry in told.get("include", [told]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError("that is no matrix", "Pass on what `hero-build ci matrix` wrote, as it is.") from error


def expected_records(found: Iterable[CiJob]) -> tuple[str, ...]:
    """The assets that these jobs leave behind at the least: a build record each."""
    return tuple(record_name(job.app, job.what) for job in found)


def _job(entry: dict[str, object]) -> CiJob:
    app, what, platform, islands = (_word(entry, key) for key in ("app", "what", "platform", "islands"))
    return CiJob(app, what=what, platform=platform, islands=tuple(islands.split()))


def _word(entry: dict[str, object], key: str) -> str:
    word = entry[key]
    if not isinstance(word, str):
        raise TypeError(key)
    return word


def _app_jobs(work: CiPlan, shards: int) -> Iterable[CiJob]:
    for platform in work.platforms:
        yield CiJob(work.app, platform, platform)
    groups = balance(work.islands, shards)
    for number, group in enumerate(groups, 1):
        yield CiJob(work.app, what=f"islands-{number}of{len(groups)}", platform="", islands=group)
