"""The jobs of a release as the JSON of a dynamic matrix: apps × platforms, and islands in shards of even cost.

strategy:
  matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}
"""

import heapq
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Raw, Struct

from hero_build.errors import UsageError
from hero_build.forge.build_record import record_name
from hero_build.system.decoding import decode_json

_COPY_IT = "Pass on what `hero-build ci matrix` printed, unchanged."


class Island(Struct, frozen=True):
    """`cost` in any unit (seconds, bytes), the same for all islands."""

    name: str
    cost: float = 1.0


class CiPlan(Struct, frozen=True):
    """What to build of one app."""

    app: str
    platforms: tuple[str, ...] = ()
    islands: tuple[Island, ...] = ()


class CiJob(Struct, frozen=True):
    """One job. `what` is its platform or, for islands, `islands-1of4`; the names of its build records contain it."""

    app: str
    what: str
    platform: str = ""
    islands: tuple[str, ...] = ()


class MatrixEntry(Struct, frozen=True):
    """A job as the matrix writes it; `islands` are separated by spaces."""

    app: str
    what: str
    platform: str
    islands: str

    def job(self) -> CiJob:
        return CiJob(self.app, what=self.what, platform=self.platform, islands=tuple(self.islands.split()))


class MatrixDocument(Struct, frozen=True):
    include: tuple[MatrixEntry, ...]


def plan_jobs(plans: Iterable[CiPlan], shards: int = 1) -> tuple[CiJob, ...]:
    """Every app for every platform, then its islands in at most `shards` jobs. Raises UsageError for `shards` < 1."""
    if shards < 1:
        raise UsageError(f"{shards} shards cannot hold the islands", "Use --shards with a number from 1 on.")
    return tuple(job for plan in plans for job in _app_jobs(plan, shards))


def balance(islands: Sequence[Island], shards: int) -> tuple[tuple[str, ...], ...]:
    """The islands in at most `shards` groups, none empty. Longest processing time first: the most expensive island
    goes to the cheapest group, which costs at most a third more than the optimum (Graham 1969). The order of the input
    does not matter.
    """
    groups: list[list[str]] = [[] for _ in range(min(shards, len(islands)))]
    heap = [(0.0, number) for number in range(len(groups))]
    for island in sorted(islands, key=lambda island: (-island.cost, island.name)):
        cost, number = heapq.heappop(heap)
        groups[number].append(island.name)
        heapq.heappush(heap, (cost + island.cost, number))
    return tuple(tuple(sorted(group)) for group in groups)


def encode(jobs: Iterable[CiJob]) -> str:
    """One line of JSON: `{"include": [entry, …]}`.

    Actions refuses an empty `include`: a workflow checks `include[0]` before it starts its jobs.
    """
    entries = (
        MatrixEntry(job.app, what=job.what, platform=job.platform, islands=" ".join(job.islands)) for job in jobs
    )
    return msgspec.json.encode(MatrixDocument(tuple(entries))).decode()


def decode(text: str) -> tuple[CiJob, ...]:
    """The jobs of a matrix that `encode` wrote, or the one job of an entry (`toJSON(matrix)` in a job).

    Raises UsageError for any other text.
    """
    try:
        if "include" in decode_json(text, kind=dict[str, Raw]):
            entries = decode_json(text, kind=MatrixDocument).include
        else:
            entries = (decode_json(text, kind=MatrixEntry),)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise UsageError(f"invalid matrix: {error}", _COPY_IT) from error
    return tuple(entry.job() for entry in entries)


def expected_records(jobs: Iterable[CiJob]) -> tuple[str, ...]:
    """The assets that every one of these jobs uploads: a build record each."""
    return tuple(record_name(job.app, job.what) for job in jobs)


def _app_jobs(plan: CiPlan, shards: int) -> Iterable[CiJob]:
    for platform in plan.platforms:
        yield CiJob(plan.app, platform, platform)
    groups = balance(plan.islands, shards)
    for number, group in enumerate(groups, 1):
        yield CiJob(plan.app, what=f"islands-{number}of{len(groups)}", platform="", islands=group)
