"""Checkouts for tests of source/: their folder, the forge they come from, and the events of git."""

from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from hero_build.events import Event, WarningRaised
from hero_build.model.steps import Tree
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import checkout
from support import git_repos

REPO = "o/app"


class CheckoutEnv(Struct, frozen=True):
    coderoot: Path
    access: GitAccess
    locks: Locks
    events: list[Event] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.coderoot / REPO

    @property
    def warnings(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, WarningRaised)]

    def ensure(
        self,
        ref: str | None = None,
        *,
        branch: str | None = None,
        update: bool = False,
        repo: str = REPO,
        depth: int | None = None,
    ) -> Tree:
        place = checkout(self.coderoot, repo, self.access.forge)
        return ensure(
            place,
            request=CheckoutRequest(ref, branch, update),
            access=replace(self.access, depth=depth),
            locks=self.locks,
            emit=self.events.append,
        )

    def git(self, *words: str) -> str:
        return git_repos.git(self.path, *words)

    def commit(self, text: str) -> str:
        """A commit of the person whose checkout it is."""
        return git_repos.commit(self.path, {"mine.txt": text})
