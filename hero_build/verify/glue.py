"""What the JavaScript beside a module gives to it and wants from it, as far as can be told without running it.

wasm-bindgen --target web writes `__wbg_name: function(…) {…}` into the object of imports (before 0.2.101
`imports.wbg.__wbg_name = function(…) {…}`), and `wasm.name` where it uses an export. Comments, and strings that
could be taken for code, say nothing; what cannot be told (glue that was minified) is not held against it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

Need = Literal["anything", "function", "memory", "externref table"]

_NOT_CODE = re.compile(  # possessive: what was read is not read again, however it ends
    r"""//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?"""
    r"""|"(?:[^"\\\n]|\\.?)*+"?|'(?:[^'\\\n]|\\.?)*+'?|`(?:[^`\\]|\\.?)*+`?""",
    re.DOTALL,
)
_CODE_IN_IT = re.compile(r"[\s(){};=$`\"']")
_STRING = re.compile(r'"([^"]*)"')
_DEFINED = re.compile(r'(?<![\w$])([A-Za-z_$][\w$]*+)"?\s*+[:=(]')
_USED = re.compile(r'(?<![\w$."/:@-])wasm(?:\.([A-Za-z_$][\w$]*)|\["([^"]+)"\])(\(|\.buffer\b|\.(?:grow|set)\()?')
_ALIAS = re.compile(r"(?<![\w$])([A-Za-z_$][\w$]*+)\s*+=\s*wasm\.([A-Za-z_$][\w$]*)\s*[;,]")
_ALIAS_FILLED = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]*)\.grow\(")
_IMPORTED = re.compile(r'\b(?:from|import)\s*"([^"]*)"')
_DEFAULT = re.compile(r"\bexport\s+default\b|\bas\s+default\b")
_NEEDS: dict[str, Need] = {"": "anything", "(": "function", ".buffer": "memory"}


class Glue(Struct, frozen=True):
    """`given`: the names of what it defines. `strings`: all it quotes. `brought`: the files it imports, as written.

    `used`: which exports of the module it uses, and as what.
    """

    given: frozenset[str]
    strings: frozenset[str]
    brought: tuple[str, ...]
    used: Mapping[str, frozenset[Need]]
    loads: bool
    has_default: bool


def parse(text: str) -> Glue:
    code = strip_text(text)
    return Glue(
        given=frozenset(_DEFINED.findall(code)),
        strings=frozenset(_STRING.findall(code)),
        brought=tuple(_IMPORTED.findall(code)),
        used=_uses(code),
        loads="WebAssembly" in code,
        has_default=_DEFAULT.search(code) is not None,
    )


def may_export(text: str, name: str) -> bool:
    """May a file of JavaScript export `name`? Anything that speaks of it may."""
    code = strip_text(text)
    return "export *" in code or re.search(rf"(?<![\w$.]){re.escape(name)}(?![\w$])", code) is not None


def strip_text(text: str) -> str:
    """The text without comments, and without the words of strings that could be taken for code."""
    return _NOT_CODE.sub(_code_only, text)


def _code_only(match: re.Match[str]) -> str:
    found = match[0]
    if found[0] == "/":
        return " "
    words = found[1:].removesuffix(found[0])
    return '""' if _CODE_IN_IT.search(words) else f'"{words}"'


def _uses(code: str) -> Mapping[str, frozenset[Need]]:
    uses: dict[str, frozenset[Need]] = {}
    for name, need in (*_direct_uses(code), *_uses_by_alias(code)):
        uses[name] = uses.get(name, frozenset()) | {need}
    return uses


def _direct_uses(code: str) -> Iterator[tuple[str, Need]]:
    for match in _USED.finditer(code):
        yield match[1] or match[2], _NEEDS.get(match[3] or "", "externref table")


def _uses_by_alias(code: str) -> Iterator[tuple[str, Need]]:
    """`const table = wasm.x; table.grow(4);` is how glue makes room for its first values."""
    filled = set(_ALIAS_FILLED.findall(code))
    yield from ((name, "externref table") for alias, name in _ALIAS.findall(code) if alias in filled)
