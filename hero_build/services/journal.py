"""The journal of operations: what was done to each app, in `<root>/var/hero_build/operations/<app>.json`.

It keeps the last 32 operations of an app, over restarts of whatever records them. A record that says `running` counts
only while the process that it names is alive: after a kill the operation is `interrupted`.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import MachineError
from hero_build.install.layout import Root
from hero_build.model.failure import Failure
from hero_build.model.names import check_name
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.system import proc_stat
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import decode_json
from hero_build.system.regular_file import read_regular

_LARGEST_FILE = 64 << 20  # bytes
KEPT = 32
OperationState = Literal["queued", "running", "done", "failed", "interrupted"]
Argument = str | int | bool | None
_ALIVE = 1.0  # seconds by which two readings of a process's start may differ


class Operation(Struct, frozen=True, kw_only=True):
    """One change of an app: times are RFC 3339 in UTC; `pid` is the process that does it, or in which it is queued.

    `before` and `after` are generations, where the operation installs.
    """

    id: str
    app: str
    method: str
    arguments: Mapping[str, Argument] = {}
    state: OperationState = "queued"
    created: str
    started: str | None = None
    ended: str | None = None
    pid: int = 0
    pid_started: float = 0.0
    before: int | None = None
    after: int | None = None
    failure: Failure | None = None


class OperationLog(Struct, frozen=True):
    """The file of one app, the oldest operation first."""

    schema: Literal[1] = 1
    operations: tuple[Operation, ...] = ()


def new(app: str, method: str, arguments: Mapping[str, Argument]) -> Operation:
    """An operation that waits for its turn. Its id sorts by time."""
    moment = datetime.now(UTC)
    unique = f"{moment:%Y%m%dT%H%M%S%f}-{os.urandom(3).hex()}"
    queued = Operation(id=unique, app=app, method=method, arguments=arguments, created=_text(moment))
    return _by(queued, os.getpid())


def running(operation: Operation, pid: int, started: str | None = None) -> Operation:
    """`started`: when the work of `pid` began, where that is not now."""
    active = replace(operation, state="running", started=started or now())
    return active if pid == operation.pid else _by(active, pid)


def ended(
    operation: Operation, failure: Failure | None = None, generations: tuple[int, int] | None = None
) -> Operation:
    """The operation as done, or as failed; one that was stopped from outside is `interrupted`."""
    state: OperationState = "done"
    if failure is not None:
        state = "interrupted" if failure.kind == "Interrupted" else "failed"
    before, after = generations or (None, None)
    return replace(operation, state=state, ended=now(), before=before, after=after, failure=failure)


def record(root: Root, *changed: Operation) -> None:
    """Write operations, each over what is recorded under its id. Raises MachineError, once the others are written."""
    failed: MachineError | None = None
    with machine_errors(folder(root)), _locked(root):
        for operation in changed:
            try:
                _replace(_path(root, operation.app), operation)
            except MachineError as error:
                failed = failed or error
    if failed:
        raise failed


def _replace(path: Path, operation: Operation) -> None:
    with machine_errors(path.parent):
        others = [item for item in _read(path) if item.id != operation.id]
        log = OperationLog(operations=tuple([*others, operation][-KEPT:]))
        # The first one of an app has nothing before it to lose, and a sync takes as long as all the rest.
        replace_file(path, msgspec.json.encode(log) + b"\n", ordered=bool(others))


def operations(root: Root, app: str, last: int = KEPT) -> tuple[Operation, ...]:
    """The last operations of an app, the newest first."""
    return tuple(_as_it_is(item) for item in reversed(_read(_path(root, app))[-last:]))


def folder(root: Root) -> Path:
    return root.state / "operations"


def now() -> str:
    return _text(datetime.now(UTC))


def _by(operation: Operation, pid: int) -> Operation:
    return replace(operation, pid=pid, pid_started=proc_stat.start_time(pid) or time.time())


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _path(root: Root, app: str) -> Path:
    return folder(root) / f"{check_name(app, 'app')}.json"


def _read(path: Path) -> tuple[Operation, ...]:
    """Nothing where there is no journal, or none that can be read: it explains, and decides nothing."""
    try:
        return decode_json(read_regular(path, _LARGEST_FILE), kind=OperationLog).operations
    except (OSError, ValueError) as error:
        raise_for_machine(error, path)  # what is written next would replace it
        return ()


def _as_it_is(operation: Operation) -> Operation:
    """Queued and running operations end with the process that queued or runs them."""
    if operation.state not in ("queued", "running"):
        return operation
    started = proc_stat.start_time(operation.pid) if operation.pid else None
    if started is not None and abs(started - operation.pid_started) < _ALIVE:
        return operation
    return replace(operation, state="interrupted")


@contextmanager
def _locked(root: Root) -> Iterator[None]:
    folder(root).mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder(root) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
