"""The door to msgspec's typed decoding, safe for threads.

msgspec reads a type's fields when that type is first decoded, and crashes (0.22: a segmentation fault) when two threads
do so at the same moment. Here each type is read once, under a lock, before anything is decoded into it.
"""

from _thread import allocate_lock  # that of threading, which `list` does not need otherwise
from collections.abc import Callable
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")
DecodeHook = Callable[[type, Any], Any]
_lock = allocate_lock()
_prepared: set[Any] = set()


@overload
def decode_json(
    content: bytes | memoryview | str | msgspec.Raw, kind: type[T], dec_hook: DecodeHook | None = None
) -> T: ...
@overload
def decode_json(
    content: bytes | memoryview | str | msgspec.Raw, kind: Any, dec_hook: DecodeHook | None = None
) -> Any: ...
def decode_json(content: bytes | memoryview | str | msgspec.Raw, kind: Any, dec_hook: DecodeHook | None = None) -> Any:
    """A JSON document as a `kind`. Raises msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError,
    RecursionError.
    """
    return msgspec.json.decode(content, type=prepared(kind), dec_hook=dec_hook)


@overload
def convert(value: object, kind: type[T], *, from_attributes: bool = False) -> T: ...
@overload
def convert(value: object, kind: Any, *, from_attributes: bool = False) -> Any: ...
def convert(value: object, kind: Any, *, from_attributes: bool = False) -> Any:
    """Dictionaries and lists, or with `from_attributes` an object, as a `kind`. Raises msgspec.ValidationError."""
    return msgspec.convert(value, prepared(kind), from_attributes=from_attributes)


def prepared(kind: T) -> T:
    """`kind`, whose fields msgspec has read."""
    if kind not in _prepared:
        with _lock:
            msgspec.json.Decoder(kind)
            _prepared.add(kind)
    return kind
