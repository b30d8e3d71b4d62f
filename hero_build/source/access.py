"""How a run comes to its checkouts: to work in them, or only to look at what is there."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from hero_build.events import Emit, Warned
from hero_build.model import Tree
from hero_build.settings import Settings
from hero_build.source.locks import Locks
from hero_build.source.place import Checkout, check_ref
from hero_build.source.reach import Reach, reach_of

if TYPE_CHECKING:
    from hero_build.source.ensure import Want


def working(settings: Settings, emit: Emit) -> "Working":
    return Working(reach_of(settings, settings.depth or None), Locks(settings.wait), emit)


def looking(emit: Emit) -> "Looking":
    return Looking(emit)


class Checkouts(Protocol):
    """A context: trees that were worked in stay locked until it is left."""

    def tree(self, checkout: Checkout, want: "Want") -> Tree | None:
        """The tree at its place, as it is wanted; None: it is not there, and is not to be made."""

    def cancelling(self) -> AbstractContextManager[object]:
        """A context: what breaks out of it calls off every git that runs for other threads."""

    @property
    def stopped(self) -> bool: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Working:
    """Clones, switches and updates as asked."""

    reach: Reach
    locks: Locks
    emit: Emit
    stop: threading.Event = field(default_factory=threading.Event)

    def tree(self, checkout: Checkout, want: "Want") -> Tree:
        """Raises what `ensure` raises."""
        from hero_build.source.ensure import ensure

        return ensure(checkout, want, self.reach, self.locks, self.emit, self.stop.is_set)

    @contextmanager
    def cancelling(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.stop.set()
            raise

    @property
    def stopped(self) -> bool:
        return self.stop.is_set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.locks.close()


@dataclass(frozen=True, slots=True)
class Looking:
    """Takes what is there, and neither changes nor locks anything."""

    emit: Emit

    def tree(self, checkout: Checkout, want: "Want") -> Tree | None:
        """Raises UnsafeName, CheckoutRefused, MissingTool."""
        from hero_build.source.ensure import there
        from hero_build.source.status import look, remote_of

        if want.ref is not None:
            check_ref(want.ref)
        if not there(checkout.path):
            return None
        tree = look(checkout.path)
        remote_of(checkout.path, checkout.repo, tree.ref)
        if want.update:
            self.emit(Warned(f"{checkout.path} is looked at as it is: what --update would bring is not known"))
        return tree if want.ref is None or _on(tree, want.ref) else None

    def cancelling(self) -> AbstractContextManager[None]:
        return nullcontext()

    @property
    def stopped(self) -> bool:
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""


def _on(tree: Tree, ref: str) -> bool:
    """Whether a checkout that nobody switches is on `ref` already, as far as it knows of it."""
    from hero_build.source.status import commit_of

    return tree.ref == ref.removeprefix("refs/heads/") or tree.commit == commit_of(tree.path, ref)
