"""The command line: parse arguments, call an operation or a query, pass its answer to output. No decisions here."""

import gc
import io
import os
import sys

from hero_build import __version__
from hero_build.cli import signals
from hero_build.system import environment

TYPE_CHECKING = False  # a cached answer is printed in less time than typing, contextlib or json take to import
if TYPE_CHECKING:
    from typing import NoReturn, TextIO


def run() -> "NoReturn":
    """The entry point of `hero-build`: runs sys.argv and ends the process with an exit code of docs/exit-codes.md.

    It skips the interpreter's shutdown, which takes longer than most answers and, after an interrupt, waits for workers
    that wait for a server. Collecting garbage less often saves a fifth of the start-up time, in which there is little.
    """
    signals.install()
    _open_closed_streams()
    _buffer_streams()
    _hide_secrets()
    gc.set_threshold(100_000, 50, 50)
    try:
        code = _run()
    except KeyboardInterrupt as end:
        signals.end_process(getattr(end, "number", signals.SIGINT))
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    os._exit(code)


def _hide_secrets() -> None:
    """Erase secrets from the process's own environment block; a command that publishes starts anew without the token,
    since it may build first.
    """
    if environment.SEALED not in os.environ and not any(name in os.environ for name in environment.SECRETS):
        return
    from hero_build.system import secrets

    if "publish" in sys.argv:
        secrets.restart_without_token()
    secrets.hide()


def _run() -> int:
    if sys.argv[1:] in (["--version"], ["-V"]):  # scripts ask for it often, and it needs no import
        return _print(f"hero-build {__version__}\n")
    if sys.argv[1:2] == ["install"]:
        from hero_build.ops.noop_cache import recall

        if (answer := recall(sys.argv[1:], os.environ)) is not None:
            return _print(answer)
    from hero_build.system import lean_msgspec  # noqa: F401 - before the first import of msgspec

    if "list" in sys.argv or sys.argv[1:2] in (["install"], ["islands"], ["shell"]):
        from hero_build.cli import quick

        if quick.needs_no_parsing(sys.argv[1:]):
            return quick.answer(sys.argv[1:])
    from hero_build.cli.app import hero_build
    from hero_build.cli.main import main

    return main(hero_build, sys.argv[1:])


def _open_closed_streams() -> None:
    """Open the null device in place of standard streams that were closed (`>&-`), so that no other file gets their
    numbers, and what is printed there is dropped.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - open as long as the process
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - open as long as the process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115 - open as long as the process


def _buffer_streams() -> None:
    """PYTHONUNBUFFERED loses what a pipe has not taken when a signal arrives. All that is printed is flushed anyway."""
    out, err = sys.stdout, sys.stderr
    if isinstance(out.buffer, io.FileIO):
        sys.stdout = open(1, "w", encoding=out.encoding, errors=out.errors, closefd=False)  # noqa: SIM115 - as above
    if isinstance(err.buffer, io.FileIO):
        sys.stderr = open(2, "w", 1, encoding=err.encoding, errors=err.errors, closefd=False)  # noqa: SIM115 - as above


def _print(text: str) -> int:
    """Print, and ignore a reader that closed the pipe; 8 where stdout cannot be written."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return 0
    except OSError as error:
        return _not_written(error)
    return 0


def _not_written(error: OSError) -> int:
    from hero_build.output.console import Console, Style, cannot_write

    console = Console("", style=Style(), out=sys.stdout, err=sys.stderr, environ=os.environ)
    return console.error(cannot_write(error))


def _flush(stream: "TextIO") -> None:
    """Flush without an error for a reader that closed the pipe."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
