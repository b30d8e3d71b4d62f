"""What a person types: parse, call, hand the answer to output. No decisions are made here."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from hero_build import __version__

_INTERRUPTED = 130


def run() -> int:
    """The `hero-build` command: does what sys.argv says and gives the exit code (docs/exit-codes.md)."""
    if sys.argv[1:] == ["--version"]:  # scripts ask for it often, and it needs nothing of what follows
        with suppress(BrokenPipeError):
            sys.stdout.write(f"hero-build {__version__}\n")
        code = 0
    else:
        code = _run()
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    if code == _INTERRUPTED:  # a worker that still waits for a server must not keep an interrupted command alive
        os._exit(code)
    return code


def _run() -> int:
    if sys.argv[1:2] == ["install"] and "--locked" in sys.argv:
        from hero_build.receipt import recall

        if (answer := recall(sys.argv[1:], os.environ)) is not None:
            sys.stdout.write(answer)
            return 0
    from hero_build.cli.group import hero_build
    from hero_build.cli.main import main

    return main(hero_build, sys.argv[1:])


def _flush(stream: TextIO) -> None:
    """What a reader that went away leaves unread must not become an error while the interpreter ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
