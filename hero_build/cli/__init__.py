"""What a person types: parse, call, hand the answer to output. No decisions are made here."""

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn, TextIO

from hero_build import __version__


def run() -> NoReturn:
    """The `hero-build` command: does what sys.argv says and ends with the exit code (docs/exit-codes.md).

    It ends at once, without taking the interpreter apart: that would take longer than most answers, and after an
    interrupt it would wait for workers that wait for a server. While modules load, little garbage can be found: looking
    for it as seldom as this saves a fifth of the start.
    """
    gc.set_threshold(100_000, 50, 50)
    if sys.argv[1:] == ["--version"]:  # scripts ask for it often, and it needs nothing of what follows
        with suppress(BrokenPipeError):
            sys.stdout.write(f"hero-build {__version__}\n")
        code = 0
    else:
        code = _run()
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    os._exit(code)


def _run() -> int:
    if sys.argv[1:2] == ["install"] and "--locked" in sys.argv:
        from hero_build.receipt import recall

        if (answer := recall(sys.argv[1:], os.environ)) is not None:
            with suppress(BrokenPipeError):
                sys.stdout.write(answer)
            return 0
    from hero_build.cli.group import hero_build
    from hero_build.cli.main import heed_signals, main

    heed_signals()
    return main(hero_build, sys.argv[1:])


def _flush(stream: TextIO) -> None:
    """What a reader that went away leaves unread must not become an error while the interpreter ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
