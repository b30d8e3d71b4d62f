"""The process of one operation: reads what to do from stdin, writes lines of progress and the result to stdout.

A process of its own, since an operation may take hours and memory, end with an interrupt, or run a recipe's code that
crashes: the server goes on. The token comes by stdin, so that no other process can read it from the environment.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct

from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised
from hero_build.install.layout import Root
from hero_build.model.failure import Failure, failure, rpc_code
from hero_build.os_errors import machine_error
from hero_build.server.call import Call, ReportFailed
from hero_build.server.observer import Observer
from hero_build.server.progress import OperationStep, Progress
from hero_build.services import journal
from hero_build.services.journal import Operation
from hero_build.settings import Settings, read
from hero_build.system import secrets
from hero_build.system.decoding import decode_json

INTERRUPTED = Failure("Interrupted", "the operation was stopped", "Run it again: it continues where it was.", exit=143)


class Task(Struct, frozen=True):
    """What a worker gets: the operation, its parameters, the settings that were typed, and the token."""

    operation: Operation
    params: Raw
    flags: dict[str, str | int | float]
    token: str | None


class Reported(Struct, frozen=True, tag="step"):
    """A step of the work."""

    step: OperationStep


class Ended(Struct, frozen=True, tag="ended"):
    """The last line: a result, or a failure with its code; and the generations, where something was installed."""

    result: Raw = Raw(b"null")
    failure: Failure | None = None
    generations: tuple[int, int] | None = None
    code: int = HeroBuildError.rpc
    warnings: tuple[WarningRaised, ...] = ()


Line = Reported | Ended


def main() -> None:
    """Run one task; the process ends with 0 wherever it could say how the work ended."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a recipe prints is not ours
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    text = sys.stdin.buffer.read()
    if not text:  # the server was killed before it said what to do
        os._exit(1)
    task = decode_json(text, kind=Task)
    progress = Progress(lambda step: _write(out, Reported(step)))
    ending = _ending(task, progress)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _record(task, ending)
    _write(out, ending)
    os._exit(0)  # threads may wait for a server


def _ending(task: Task, progress: Progress) -> Ended:
    """Do the work; every way in which it may end is an Ended."""
    from hero_build.server.methods import METHODS, Method
    from hero_build.server.resumption import RESUME, resumed

    try:
        settings = _settings(task)
        call = Call(settings, Observer(settings), progress)
        method = METHODS.get(task.operation.method) or Method(RESUME, resumed, changes=True)
        _finish_interrupted_upgrade(call)
        result = method.handler(decode_json(task.params, kind=method.params), call)
        return Ended(Raw(msgspec.json.encode(result)), generations=_generations(result), warnings=progress.warnings)
    except ReportFailed as report:
        generations = _generations(report.report)
        code = rpc_code(report.item)
        return Ended(failure=report.item, code=code, generations=generations, warnings=progress.warnings)
    except HeroBuildError as error:
        return Ended(failure=failure(error, task.operation.app), code=error.rpc, warnings=progress.warnings)
    except KeyboardInterrupt:
        return Ended(failure=INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - what the machine refuses, and bugs
        return _unexpected(error)


def _finish_interrupted_upgrade(call: Call) -> None:
    """Finish or undo an upgrade or an adoption that was killed, before anything else is changed."""
    if call.root.has_journal:
        from hero_build.ops.resume_upgrade import resume

        resume(call.root, lambda: call.context(use="change"), call.emit)


def _generations(result: Struct | None) -> tuple[int, int] | None:
    from hero_build.queries.change_report import ChangeReport

    return (result.before, result.after) if isinstance(result, ChangeReport) else None


def _unexpected(error: Exception) -> Ended:
    if (refused := machine_error(error)) is not None:
        return Ended(failure=failure(refused), code=refused.rpc)
    from hero_build.system.bug_report import bug

    return Ended(failure=bug(error))


def _settings(task: Task) -> Settings:
    """As the server's own: the flags of its command line, and the environment that it has passed on."""
    environ = dict(os.environ)
    if task.token:
        environ["FORGEJO_TOKEN"] = task.token
        secrets.hide()
    return read(task.flags, environ)


def _record(task: Task, ending: Ended) -> None:
    """The worker does it and not the server, so that the journal is right also where the server has ended meanwhile."""
    operation = journal.ended(task.operation, ending.failure, ending.generations)
    journal.record(Root(Path(str(task.flags["root"]))), operation)


def _write(out: BinaryIO, line: Line) -> None:
    """Without the server there is nobody to write to, and the work goes on."""
    try:
        out.write(msgspec.json.encode(line) + b"\n")
        out.flush()
    except OSError:
        pass


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
