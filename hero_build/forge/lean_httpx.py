"""httpx without its command line program, whose import would load rich and pygments (45 ms)."""

import sys

_PROGRAM = "httpx._main"
_already_loaded = _PROGRAM in sys.modules
if not _already_loaded:
    sys.modules[_PROGRAM] = None  # type: ignore[assignment]  # `import` then fails, which httpx handles

import httpx as httpx  # noqa: E402

if not _already_loaded:
    del sys.modules[_PROGRAM]
