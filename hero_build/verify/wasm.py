"""Reads a WebAssembly module: its imports, exports and tables, with a reader of its binary format (LEB128 numbers).

Format: WebAssembly core specification, "Binary Format".
"""

import os
from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from hero_build.verify import sniff
from hero_build.verify.sniff import InvalidFormat

_NAME_MAX = 1 << 16


class ByteReader:
    """Reads `raw` from front to back; `what` names it in errors. Raises InvalidFormat where it ends too soon."""

    def __init__(self, raw: bytes, what: str) -> None:
        self._raw = raw
        self.what = what
        self.position = 0

    def peek(self) -> int:
        if self.position >= len(self._raw):
            raise InvalidFormat(f"is damaged: {self.what} ends too soon")
        return self._raw[self.position]

    def byte(self) -> int:
        value = self.peek()
        self.position += 1
        return value

    def u32(self) -> int:
        return self._unsigned(32)

    def u64(self) -> int:
        return self._unsigned(64)

    def name(self) -> str:
        length = self.u32()
        if length > _NAME_MAX:
            raise InvalidFormat(f"is damaged: {self.what} has a name of {length} bytes")
        raw = self._raw[self.position : self.position + length]
        if len(raw) < length:
            raise InvalidFormat(f"is damaged: {self.what} ends inside a name")
        self.position += length
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise InvalidFormat(f"is damaged: {self.what} has a name that is not UTF-8") from error

    def vector(self) -> range:
        """A range over the items of a list, each of which has at least a byte."""
        count = self.u32()
        if count > len(self._raw) - self.position:
            raise InvalidFormat(f"is damaged: {self.what} has fewer items than its count ({count})")
        return range(count)

    def end(self) -> None:
        if self.position != len(self._raw):
            raise InvalidFormat(f"is damaged: {self.what} has data after its end")

    def _unsigned(self, bits: int) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> bits or shift > bits + 6:
                raise InvalidFormat(f"is damaged: {self.what} has a number that is too large")
            if not byte & 0x80:
                return value


External = Literal["function", "table", "memory", "global", "tag"]
_EXTERNALS: tuple[External, ...] = ("function", "table", "memory", "global", "tag")
_MAGIC, _MODULE, _COMPONENT = b"\0asm", b"\x01\0\0\0", b"\x0d\0\x01\0"
_CUSTOM, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _CODE, _TAG = 0, 2, 3, 4, 5, 6, 7, 10, 13
_ORDER = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)  # of section ids, each at most once; custom ones anywhere
_BY_ID = "custom type import function table memory global export start element code data"
_SECTION_NAMES = tuple(_BY_ID.split())
_SECTIONS_MAX, _SECTION_MAX = 10_000, 16 << 20  # of the sections that are read completely
_SECTION_HEAD = 6  # its id, and its size in at most five bytes
_OWN: dict[External, int] = {"function": _FUNCTION, "table": _TABLE, "memory": _MEMORY, "global": _GLOBAL, "tag": _TAG}
_ELEMENTS = {0x70: "funcref", 0x6F: "externref"}
_WITH_HEAP_TYPE = (0x63, 0x64)
_WITH_INITIAL_VALUE = 0x40


class Import(Struct, frozen=True):
    module: str
    name: str
    kind: External


class Export(Struct, frozen=True):
    """`element`: the type of a table, `funcref` or `externref`; empty for other types, and if this is not a table."""

    kind: External
    element: str = ""


class Module(Struct, frozen=True):
    imports: tuple[Import, ...]
    exports: Mapping[str, Export]


class _Section(Struct, frozen=True):
    id: int
    start: int
    size: int


def read(file: int, size: int) -> Module:
    """The module in the open file of `size` bytes. Raises InvalidFormat."""
    _check_magic(os.pread(file, sniff.HEAD, 0))
    sections = _read_sections(file, size)
    imports, imported_tables = _imports(_section_content(file, sections, _IMPORT))
    counts = {kind: sum(item.kind == kind for item in imports) for kind in _EXTERNALS}
    own = {kind: _count(file, sections, number) for kind, number in _OWN.items()}
    if own["function"] != _count(file, sections, _CODE):
        raise InvalidFormat("is damaged: not every function in it has its code")
    tables = (*imported_tables, *_tables(_section_content(file, sections, _TABLE)))
    bounds = {kind: counts[kind] + own[kind] for kind in _EXTERNALS}
    return Module(imports, _exports(_section_content(file, sections, _EXPORT), bounds, tables))


def _check_magic(head: bytes) -> None:
    if not head.startswith(_MAGIC):
        raise InvalidFormat(f"is {sniff.describe(head).words}, not a WebAssembly module")
    version = head[len(_MAGIC) : 8]
    if version == _COMPONENT:
        raise InvalidFormat("is a WebAssembly component, which no browser loads, not a module")
    if version != _MODULE:
        raise InvalidFormat(f"is WebAssembly of the unknown version {version.hex(' ') or 'none'}")


def _read_sections(file: int, size: int) -> Mapping[int, _Section]:
    """Every section but custom ones, by id. Raises InvalidFormat when they are not in order or not inside the file."""
    sections: dict[int, _Section] = {}
    offset, count = 8, 0
    while offset < size:
        head = ByteReader(os.pread(file, _SECTION_HEAD, offset), "the head of a section")
        number, length = head.byte(), head.u32()
        section = _Section(number, offset + head.position, length)
        offset = section.start + length
        count += 1
        if offset > size:
            ends = f"its {_section_name(number)} section ends at byte {offset}"
            raise InvalidFormat(f"is cut short: {ends}, and it has {size} bytes")
        if number != _CUSTOM:
            _check_order(number, sections)
            sections[number] = section
        if count > _SECTIONS_MAX:
            raise InvalidFormat(f"has more than {_SECTIONS_MAX} sections, more than a compiler writes")
    if not sections:
        raise InvalidFormat("is an empty WebAssembly module")
    return sections


def _check_order(number: int, earlier_sections: Mapping[int, _Section]) -> None:
    if number not in _ORDER:
        raise InvalidFormat(f"is damaged: it has a section of the unknown kind {number}")
    if any(_ORDER.index(earlier) >= _ORDER.index(number) for earlier in earlier_sections):
        raise InvalidFormat(f"is damaged: its {_section_name(number)} section is not where it should be")


def _section_name(number: int) -> str:
    return _SECTION_NAMES[number] if number < len(_SECTION_NAMES) else f"{number}th"


def _section_content(file: int, sections: Mapping[int, _Section], number: int) -> ByteReader:
    section = sections.get(number)
    if section is None:
        return ByteReader(b"\0", "nothing")  # a missing section is the same as an empty one
    if section.size > _SECTION_MAX:
        size = f"{section.size >> 20} MB"
        raise InvalidFormat(f"has an {_section_name(number)} section of {size}, more than a compiler writes")
    return ByteReader(os.pread(file, section.size, section.start), f"its {_section_name(number)} section")


def _count(file: int, sections: Mapping[int, _Section], number: int) -> int:
    """The number of items in a section, from its first bytes."""
    section = sections.get(number)
    if section is None:
        return 0
    start = os.pread(file, min(section.size, 5), section.start)
    return ByteReader(start, f"its {_section_name(number)} section").u32()


def _imports(section: ByteReader) -> tuple[tuple[Import, ...], tuple[str, ...]]:
    """The imports, and the element type of each imported table."""
    imports: list[Import] = []
    tables: list[str] = []
    for _ in section.vector():
        module, name = section.name(), section.name()
        kind = _external_kind(section)
        match kind:
            case "function":
                section.u32()
            case "table":
                tables.append(_table_type(section))
            case "memory":
                _skip_limits(section)
            case "global":
                _value_type(section)
                section.byte()
            case "tag":
                section.byte()
                section.u32()
        imports.append(Import(module, name, kind))
    section.end()
    return tuple(imports), tuple(tables)


def _tables(section: ByteReader) -> tuple[str, ...]:
    elements: list[str] = []
    for _ in section.vector():
        if section.peek() == _WITH_INITIAL_VALUE:
            return tuple(elements)  # an expression follows, so the types of this table and later ones are not read
        elements.append(_table_type(section))
    section.end()
    return tuple(elements)


def _exports(section: ByteReader, bounds: Mapping[External, int], tables: tuple[str, ...]) -> Mapping[str, Export]:
    exports: dict[str, Export] = {}
    for _ in section.vector():
        name, kind, index = section.name(), _external_kind(section), section.u32()
        if name in exports:
            raise InvalidFormat(f"is damaged: it exports {name!r} twice")
        if index >= bounds[kind]:
            raise InvalidFormat(f"is damaged: it exports as {name!r} a {kind} that it does not have")
        exports[name] = Export(kind, tables[index] if kind == "table" and index < len(tables) else "")
    section.end()
    return exports


def _external_kind(section: ByteReader) -> External:
    number = section.byte()
    if number >= len(_EXTERNALS):
        raise InvalidFormat(f"is damaged: {section.what} has an item of the unknown kind {number}")
    return _EXTERNALS[number]


def _table_type(section: ByteReader) -> str:
    element = _value_type(section)
    _skip_limits(section)
    return element


def _value_type(section: ByteReader) -> str:
    """The name of a reference type that glue uses, empty for any other type."""
    number = section.byte()
    if number in _WITH_HEAP_TYPE:
        number = section.byte()
        while number & 0x80:  # an index into the types: a number in as many bytes as it takes
            number = section.byte()
    return _ELEMENTS.get(number, "")


def _skip_limits(section: ByteReader) -> None:
    flags = section.byte()
    if flags & ~0x0F:
        raise InvalidFormat(f"is damaged: {section.what} has limits of the unknown kind {flags}")
    number: Callable[[], int] = section.u64 if flags & 4 else section.u32
    number()
    if flags & 1:
        number()
    if flags & 8:
        section.u32()
