"""concurrent.futures without logging, which loads traceback, string and their like (3 ms) for errors of callbacks."""

import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Logger:
    """The logger of that name, once there is something to log."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> "Any":
        import logging

        return getattr(logging.getLogger(self._name), name)


def _logging() -> ModuleType:
    module = ModuleType("logging")
    module.getLogger = _Logger  # type: ignore[attr-defined]
    return module


_absent = "logging" not in sys.modules
if _absent:
    sys.modules["logging"] = _logging()

import concurrent.futures.thread  # noqa: E402, F401

if _absent:
    del sys.modules["logging"]
