"""A place to work from in tests of source/: a folder of checkouts, the forge they come from, and what was told."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import gitrepos
from hero_build.events import Event, Warned
from hero_build.model import Tree
from hero_build.source.ensure import Want, ensure
from hero_build.source.locks import Locks
from hero_build.source.place import checkout
from hero_build.source.reach import Reach

REPO = "o/app"


@dataclass(frozen=True, slots=True)
class Desk:
    coderoot: Path
    reach: Reach
    locks: Locks
    events: list[Event] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.coderoot / REPO

    @property
    def warnings(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Warned)]

    def ensure(
        self,
        ref: str | None = None,
        *,
        branch: str | None = None,
        update: bool = False,
        repo: str = REPO,
        depth: int | None = None,
    ) -> Tree:
        place = checkout(self.coderoot, repo, self.reach.forge)
        return ensure(
            place, Want(ref, branch, update), replace(self.reach, depth=depth), self.locks, self.events.append
        )

    def git(self, *words: str) -> str:
        return gitrepos.git(self.path, *words)

    def commit(self, text: str) -> str:
        """A commit of the person whose checkout it is."""
        return gitrepos.commit(self.path, {"mine.txt": text})
