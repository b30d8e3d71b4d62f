"""The only place that retries: jittered exponential waits, Retry-After, a few attempts."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from hero_build.errors import NetworkError
from hero_build.events import Emit, Retrying
from hero_build.forge.limits import Limits

if TYPE_CHECKING:
    import tenacity

T = TypeVar("T")


class TransientError(NetworkError):
    """A failure that may pass; `after` is the server's Retry-After in seconds."""

    def __init__(self, message: str, hint: str = "", after: float | None = None) -> None:
        super().__init__(message, hint)
        self.after = after


class Truncated(TransientError):
    """The body ended too early, without an error of the connection."""


def with_retries(call: Callable[[], T], what: str, limits: Limits, emit: Emit) -> T:
    """The result of `call`, repeated after each TransientError. Raises the last one when no attempt is left."""
    try:
        return call()
    except TransientError as error:
        if limits.attempts <= 1:
            raise
        return _retry(call, first=error, what=what, limits=limits, emit=emit)


def _retry(call: Callable[[], T], first: TransientError, what: str, limits: Limits, emit: Emit) -> T:
    import tenacity  # only after a failure: most runs do not need it

    failed = [first]

    def attempt() -> T:
        if failed:
            raise failed.pop()
        return call()

    jittered = tenacity.wait_random_exponential(limits.backoff, limits.longest)

    def wait(state: "tenacity.RetryCallState") -> float:
        after = _outcome_error(state).after
        return jittered(state) if after is None else min(after, limits.longest)

    def report(state: "tenacity.RetryCallState") -> None:
        emit(Retrying(what, _outcome_error(state).message, state.upcoming_sleep))

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientError),
        stop=tenacity.stop_after_attempt(limits.attempts),
        wait=wait,
        before_sleep=report,
        reraise=True,
    )
    return retrying(attempt)


def _outcome_error(state: "tenacity.RetryCallState") -> TransientError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, TransientError) else TransientError("")
