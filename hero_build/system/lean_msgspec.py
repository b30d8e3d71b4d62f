"""msgspec without modules that it imports and nobody here needs to start: typing_extensions, which loads inspect (the
standard library's typing has all that it uses of it), platform, of which uuid asks the system's name, and its own
modules for JSON schemas, which are loaded when one is made. That is 4 ms of 12.
"""

import os
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INSPECT, _SCHEMA = "msgspec.inspect", "msgspec._json_schema"


class _Later(ModuleType):
    """A module that is imported when something of it is first used."""

    def __getattr__(self, name: str) -> "Any":
        if name.startswith("__"):
            raise AttributeError(name)
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


def _platform() -> ModuleType:
    module = ModuleType("platform")
    module.system = lambda: os.uname().sysname  # type: ignore[attr-defined]
    return module


def _schema() -> ModuleType:
    """Functions that call those of the module, which msgspec.json takes by name."""
    module, later = ModuleType(_SCHEMA), _Later(_SCHEMA)
    for name in ("schema", "schema_components"):
        setattr(module, name, lambda *args, _name=name, **rest: getattr(later, _name)(*args, **rest))
    return module


_STAND_INS: dict[str, ModuleType | None] = {
    "typing_extensions": None,  # `import` then fails, which msgspec is prepared for
    "platform": _platform(),
    _INSPECT: _Later(_INSPECT),
    _SCHEMA: _schema(),
}
_absent = [name for name in _STAND_INS if name not in sys.modules]
for _name in _absent:
    sys.modules[_name] = _STAND_INS[_name]  # type: ignore[assignment]

import msgspec as msgspec  # noqa: E402

for _name in _absent:
    del sys.modules[_name]
