"""The checkouts of a run: writable ones are cloned and updated; read-only ones are taken as they are."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from msgspec import Struct, field

from hero_build.events import Emit, WarningRaised
from hero_build.model.steps import Tree
from hero_build.settings import Settings
from hero_build.source.git.credentials import GitAccess, git_access
from hero_build.source.git.locks import Locks

if TYPE_CHECKING:
    from hero_build.source.git.ensure import CheckoutRequest
    from hero_build.source.git.git import Git
    from hero_build.source.git.paths import Checkout


CheckoutUse = Literal["read", "plan", "change"]
"""What a command does with checkouts: read those that are there; ask the server, too, whether the ref that was named is
there (`--dry-run`, `explain`); clone and switch.
"""


def open_checkouts(settings: Settings, emit: Emit, use: CheckoutUse) -> "Checkouts":
    if use == "change":
        return WritableCheckouts(git_access(settings, settings.depth or None), Locks(settings.wait), emit)
    return ReadOnlyCheckouts(git_access(settings), emit, asks_server=use == "plan")


class Checkouts(Protocol):
    """A context manager: writable trees stay locked until it ends."""

    def tree(self, checkout: "Checkout", request: "CheckoutRequest") -> Tree | None:
        """The tree of a checkout as requested; None: it does not exist, and may not be cloned."""

    def cancelling(self) -> AbstractContextManager[object]:
        """A context: an exception in it cancels every program that runs for other threads, and waits for its end."""

    @property
    def stopped(self) -> bool: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class WritableCheckouts(Struct, frozen=True):
    """Clones, switches and updates checkouts."""

    access: GitAccess
    locks: Locks
    emit: Emit
    stop: threading.Event = field(default_factory=threading.Event)

    def tree(self, checkout: "Checkout", request: "CheckoutRequest") -> Tree:
        """Raises what `ensure` raises."""
        from hero_build.source.git.ensure import ensure

        return ensure(
            checkout, request=request, access=self.access, locks=self.locks, emit=self.emit, cancelled=self.stop.is_set
        )

    def cancelling(self) -> AbstractContextManager[None]:
        return _cancelling(self.stop)

    @property
    def stopped(self) -> bool:
        return self.stop.is_set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.locks.close()


class ReadOnlyCheckouts(Struct, frozen=True):
    """Reads existing checkouts, and neither changes nor locks anything. `asks_server`: also whether the ref that
    was named is there; a clone without one is planned without asking.
    """

    access: GitAccess
    emit: Emit
    asks_server: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def tree(self, checkout: "Checkout", request: "CheckoutRequest") -> Tree | None:
        """Raises UnsafeName, CheckoutRefused, MissingTool, RefNotFound, RepoNotFound, AuthError, NetworkError."""
        from hero_build.source.git.ensure import checkout_exists
        from hero_build.source.git.git import Git
        from hero_build.source.git.paths import check_ref
        from hero_build.source.git.status import read_tree, remote_of

        for ref in (request.ref, request.branch):
            if ref is not None:
                check_ref(ref)
        git = Git(checkout, folder=checkout.path, access=self.access, emit=self.emit, cancelled=self.stop.is_set)
        if not checkout_exists(checkout.path):
            if self.asks_server and request.ref is not None:
                from hero_build.source.git.preview import check_clone

                check_clone(git, request.ref)
            return None
        tree = read_tree(checkout.path)
        remote_of(checkout.path, checkout.repo, tree.ref)
        if request.ref is not None and not _is_on(tree, request.ref):
            if self.asks_server:
                from hero_build.source.git.preview import check_switch

                check_switch(git, request.ref)
            return None
        return None if request.update and self._would_move(git) else tree

    def _would_move(self, git: "Git") -> bool:
        if not self.asks_server:
            path = git.checkout.path
            self.emit(WarningRaised(f"{path} is read as it is: what --update would change is not known"))
            return False
        from hero_build.source.git.preview import would_move

        return would_move(git)

    def cancelling(self) -> AbstractContextManager[None]:
        return _cancelling(self.stop)

    @property
    def stopped(self) -> bool:
        return self.stop.is_set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to release."""


@contextmanager
def _cancelling(stop: threading.Event) -> Iterator[None]:
    try:
        yield
    except BaseException:
        stop.set()
        from hero_build.system import process

        process.end_children()
        raise


def _is_on(tree: Tree, ref: str) -> bool:
    """Whether the checkout is on `ref` already, as far as its own refs go."""
    from hero_build.source.git.status import commit_of

    return tree.ref == ref.removeprefix("refs/heads/") or tree.commit == commit_of(tree.path, ref)
