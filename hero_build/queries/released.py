"""What `publish` did, as an answer."""

from dataclasses import dataclass

from hero_build.errors import HeroBuildError
from hero_build.publish.matrix import Job
from hero_build.publish.publication import Published
from hero_build.publishing import NotBuilt
from hero_build.queries.problem import Problem, exit_code, problem, problems


@dataclass(frozen=True, slots=True)
class Released:
    """`releases`: one for each app that was published, or is as it was asked for already."""

    releases: tuple[Published, ...]
    failed: tuple[Problem, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.releases))


def problems_of(error: HeroBuildError, app: str) -> tuple[Problem, ...]:
    return problems(error.failed) if isinstance(error, NotBuilt) else (problem(error, app),)


@dataclass(frozen=True, slots=True)
class Matrix:
    """The jobs of a release, as `fromJSON` takes them."""

    include: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A workflow, as YAML."""

    app: str
    workflow: str
