"""A wasm-opt that breaks modules while it exits with 0 is found out before it is trusted.

Binaryen 108 (Debian bookworm's) writes every exported table as the first one: what wasm-bindgen's glue then grows is
the table of functions, and every module dies as it starts. The module here has two tables and exports both.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from hero_build import process
from hero_build.errors import ToolFailed, machine_errors

RULES = "1"  # goes up when the test changes
_ANY = 0x6F  # externref, the type of wasm-bindgen's table (WebAssembly specification, Binary Format: Types)
_FUNCTION, _TABLE = 0, 1
_MODULE = bytes.fromhex(
    "0061736d 01000000"  # magic, version
    "01 05 01 60 00 01 7f"  # one type: () -> i32
    "03 02 01 00"  # one function of it
    "04 08 02 70 01 01 01 6f 00 02"  # two tables: funcref 1 1, externref 2
    "07 0d 03 01 73 01 00 01 74 01 01 01 66 00 00"  # "s" is table 0, "t" is table 1, "f" is function 0
    "0a 06 01 04 00 41 2a 0b"  # return 42
)


def fault(program: Path, env: Mapping[str, str]) -> str:
    """What is wrong with this wasm-opt, as the rest of a sentence; empty: nothing. Raises MachineError."""
    with tempfile.TemporaryDirectory(prefix="hero-build-") as place, machine_errors(Path(place)):
        source, made = Path(place) / "in.wasm", Path(place) / "out.wasm"
        source.write_bytes(_MODULE)
        command = (program, source, "-o", made, "-O", "--enable-reference-types")
        try:
            done = process.run(command, cwd=source.parent, env=env)
        except ToolFailed as error:
            return error.message
        if done.code:
            return f"ends with {done.code} for a small module: {done.tail[-1] if done.tail else 'it does not say why'}"
        return _wrong(made.read_bytes() if made.is_file() else b"")


def _wrong(raw: bytes) -> str:
    try:
        sections = dict(_sections(raw))
        tables, exports = list(_tables(sections.get(4, b""))), dict(_exports(sections.get(7, b"")))
        if exports.get("f", (None,))[0] == _FUNCTION and tables[exports["t"][1]] == _ANY and exports["t"][0] == _TABLE:
            return ""
    except (IndexError, KeyError, ValueError):
        pass
    return "breaks modules while it says that all is well: the wrong table is exported"


def _sections(raw: bytes) -> Iterator[tuple[int, bytes]]:
    if raw[:8] != _MODULE[:8]:
        raise ValueError("not a module")
    at = 8
    while at < len(raw):
        size, begin = _number(raw, at + 1)
        yield raw[at], raw[begin : begin + size]
        at = begin + size


def _tables(body: bytes) -> Iterator[int]:
    """The type of the elements of each table."""
    count, at = _number(body, 0)
    for _ in range(count):
        yield body[at]
        limits, at = body[at + 1], at + 2
        for _ in range(1 + (limits & 1)):
            _, at = _number(body, at)


def _exports(body: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    """Name, kind and index."""
    count, at = _number(body, 0)
    for _ in range(count):
        size, at = _number(body, at)
        name, kind = body[at : at + size].decode(), body[at + size]
        index, at = _number(body, at + size + 1)
        yield name, (kind, index)


def _number(raw: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    value = shift = 0
    while True:
        byte = raw[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
