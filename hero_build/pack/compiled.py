"""Modules as the Python that makes a pack compiles them: another Python of the same version need not do it again."""

import marshal
import sys
import warnings
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER
from types import CodeType

TAG = "cp{}{}".format(*sys.version_info)
NAME = f"{TAG}-{MAGIC_NUMBER.hex()}"
"""Names the version of the bytecode, too: it is the same for all releases of a Python, and another one before them."""
_HEADER = MAGIC_NUMBER + bytes(12)  # without the time and the size of a source (PEP 552)


def compiled(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The .pyc files of these .py files, by their names; equal sources make equal bytes. What cannot be compiled, such
    as a module for another version, is left out.
    """
    files: dict[str, bytes] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others' modules
        for name, source in sources.items():
            try:
                code = compile(source, name, "exec", dont_inherit=True, optimize=0)
            except (SyntaxError, ValueError):
                continue
            kept = _constants(code)
            files[f"{name}c"] = _HEADER + marshal.dumps(code)
            kept.clear()
    return files


def _constants(code: CodeType) -> list[object]:
    """All constants and names below a code object. While they are kept, none has one reference alone, which marshal
    writes in another way: how many there are depends on what else this process has imported.
    """
    kept: list[object] = []
    left: list[object] = [code]
    while left:
        kept.append(item := left.pop())
        if isinstance(item, CodeType):
            left += (item.co_name, item.co_qualname, item.co_filename, item.co_consts, item.co_names)
            left += (item.co_varnames, item.co_cellvars, item.co_freevars)
        elif isinstance(item, tuple | frozenset):
            left += item
    return kept
