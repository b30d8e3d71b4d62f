"""httpx without its command line program: importing that would load rich and pygments, 45 ms for nothing."""

import sys

_PROGRAM = "httpx._main"
_there = _PROGRAM in sys.modules
if not _there:
    sys.modules[_PROGRAM] = None  # type: ignore[assignment]  # `import` then fails, which httpx is prepared for

import httpx as httpx  # noqa: E402

if not _there:
    del sys.modules[_PROGRAM]
