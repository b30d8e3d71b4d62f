"""What the JavaScript beside a module defines and uses, as far as its text shows without running it.

wasm-bindgen --target web writes `__wbg_name: function(…) {…}` into the object of imports (before 0.2.101
`imports.wbg.__wbg_name = function(…) {…}`), and `wasm.name` where it uses an export. Comments, and strings that
look like code, are ignored; where the text shows nothing (minified glue), nothing is refused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

Need = Literal["anything", "function", "memory", "externref table"]

_NOT_CODE = re.compile(  # possessive: no backtracking
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
    """`defined`: the names that it defines. `strings`: its string literals. `imported`: the files it imports.

    `used`: which exports of the module it uses, and as what.
    """

    defined: frozenset[str]
    strings: frozenset[str]
    imported: tuple[str, ...]
    used: Mapping[str, frozenset[Need]]
    loads: bool
    has_default: bool


def parse(text: str) -> Glue:
    code = strip_text(text)
    return Glue(
        defined=frozenset(_DEFINED.findall(code)),
        strings=frozenset(_STRING.findall(code)),
        imported=tuple(_IMPORTED.findall(code)),
        used=_uses(code),
        loads="WebAssembly" in code,
        has_default=_DEFAULT.search(code) is not None,
    )


def may_export(text: str, name: str) -> bool:
    """Whether a file of JavaScript may export `name`: whether it mentions it."""
    code = strip_text(text)
    return "export *" in code or re.search(rf"(?<![\w$.]){re.escape(name)}(?![\w$])", code) is not None


def strip_text(text: str) -> str:
    """The text without comments, and without the contents of strings that look like code."""
    return _NOT_CODE.sub(_code_only, text)


def _code_only(match: re.Match[str]) -> str:
    token = match[0]
    if token[0] == "/":
        return " "
    words = token[1:].removesuffix(token[0])
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
    """Glue adds its first values with `const table = wasm.x; table.grow(4);`."""
    filled = set(_ALIAS_FILLED.findall(code))
    yield from ((name, "externref table") for alias, name in _ALIAS.findall(code) if alias in filled)
