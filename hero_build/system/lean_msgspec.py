"""msgspec without typing_extensions, which loads inspect: the standard library's typing has all that it uses of it."""

import sys

_EXTENSIONS = "typing_extensions"
_already_loaded = _EXTENSIONS in sys.modules
if not _already_loaded:
    sys.modules[_EXTENSIONS] = None  # type: ignore[assignment]  # `import` then fails, which msgspec is prepared for

import msgspec as msgspec  # noqa: E402

if not _already_loaded:
    del sys.modules[_EXTENSIONS]
