"""What a person types: parse, call, hand the answer to output. No decisions are made here."""

import gc
import os
import sys

from hero_build import __version__

TYPE_CHECKING = False  # a receipt is recalled in less time than typing, contextlib or json take to import
if TYPE_CHECKING:
    from typing import NoReturn, TextIO


def run() -> "NoReturn":
    """The `hero-build` command: does what sys.argv says and ends with the exit code (docs/exit-codes.md).

    It ends at once, without taking the interpreter apart: that would take longer than most answers, and after an
    interrupt it would wait for workers that wait for a server. While modules load, little garbage can be found: looking
    for it as seldom as this saves a fifth of the start.
    """
    gc.set_threshold(100_000, 50, 50)
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    os._exit(code)


def _run() -> int:
    if sys.argv[1:] == ["--version"]:  # scripts ask for it often, and it needs nothing of what follows
        return _say(f"hero-build {__version__}\n")
    if sys.argv[1:2] == ["install"]:
        from hero_build.ops.noop_cache import recall

        if (answer := recall(sys.argv[1:], os.environ)) is not None:
            return _say(answer)
    from hero_build.cli.app import hero_build
    from hero_build.cli.main import install_signal_handlers, main

    install_signal_handlers()
    return main(hero_build, sys.argv[1:])


def _say(text: str) -> int:
    """A reader that went away is no error."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        return 0
    return 0


def _flush(stream: "TextIO") -> None:
    """What a reader that went away leaves unread must not become an error while the interpreter ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
