"""What `restart` and `--restart` did, as an answer."""

from dataclasses import dataclass

from hero_build.queries.problem import Problem, exit_code, problems
from hero_build.restarting import Restarts


@dataclass(frozen=True, slots=True)
class RestartedService:
    """`seconds`: from asking until it was well; `tries`: 2 where it took a reset."""

    app: str
    service: str
    pid_before: int
    pid_after: int
    seconds: float
    tries: int


@dataclass(frozen=True, slots=True)
class Idle:
    """An app, or one of its services, that does not run: nothing was done."""

    app: str
    why: str


@dataclass(frozen=True, slots=True)
class RestartReport:
    restarted: tuple[RestartedService, ...]
    idle: tuple[Idle, ...]
    failed: tuple[Problem, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.restarted))


def report(found: Restarts) -> RestartReport:
    done = (
        RestartedService(item.app, item.service, item.old_pid, item.new_pid, round(item.took, 3), item.tries)
        for item in found.done
    )
    return RestartReport(tuple(done), tuple(Idle(item.app, item.why) for item in found.idle), problems(found.failed))
