"""What went wrong, as a value that a document can hold, and the exit code of several of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import BuildError, HeroBuildError, NotHealthy

if TYPE_CHECKING:
    from hero_build.model.steps import Failed


class Failure(Struct, frozen=True):
    """`kind` is the leaf's name in the tree of errors.py, `exit` the code this problem alone would end with.

    Of a build or a service, `tail` has the last lines that it wrote, and `log` is the file that has all of them.
    """

    kind: str
    message: str
    hint: str
    exit: int
    app: str | None = None
    part: str | None = None
    tail: tuple[str, ...] = ()
    log: str | None = None


def failure(error: HeroBuildError, app: str | None = None, part: str | None = None) -> Failure:
    plain = Failure(_leaf(error), message=error.message, hint=error.hint, exit=error.code, app=app, part=part)
    if isinstance(error, BuildError | NotHealthy):
        return replace(plain, tail=error.tail, log=str(error.log) if error.log else None)
    return plain


def _leaf(error: HeroBuildError) -> str:
    """The class of the documented tree: a room may have one of its own below it."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == HeroBuildError.__module__)


def rpc_code(item: Failure) -> int:
    """The JSON-RPC code of a failure, by its kind; that of an internal error for an interrupt and a bug."""
    classes = [HeroBuildError]
    for kind in classes:
        if kind.__name__ == item.kind:
            return kind.rpc
        classes += kind.__subclasses__()
    return HeroBuildError.rpc


def failures(failed: "Sequence[Failed]") -> tuple[Failure, ...]:
    return tuple(failure(item.error, item.app, str(item.part) if item.part else None) for item in failed)


def exit_code(problems: Sequence[Failure], succeeded: int) -> int:
    """0 without problems; their common code; 1 when they differ, or when `succeeded` others did not fail."""
    codes = {item.exit for item in problems}
    if not codes:
        return 0
    return codes.pop() if len(codes) == 1 and not succeeded else 1
