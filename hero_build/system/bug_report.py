"""A bug as an error: a sentence, and the file that has the traceback. It ends with a code of its own."""

import sys
from contextlib import suppress

from hero_build.model.failure import Failure

BUG = 70
"""EX_SOFTWARE of sysexits.h, so that no code of docs/exit-codes.md means a bug."""


def bug(error: Exception, *, traced: bool = False) -> Failure:
    """The failure for an exception that is being handled. `traced`: print its traceback to stderr, write no file."""
    message = f"this is a bug in hero-build: {type(error).__name__}: {error}"
    hint = f"Please report it with the traceback {_write_traceback(traced=traced)}."
    return Failure("Bug", message=message, hint=hint, exit=BUG)


def _write_traceback(*, traced: bool) -> str:
    """Print the traceback, or write it to a file; returns where it is, as words."""
    import traceback

    if traced:
        with suppress(OSError):
            traceback.print_exc(file=sys.stderr)
        return "above"
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="hero-build-bug-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    return f"in {file.name}"
