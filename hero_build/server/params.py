"""The parameters of a call, from JSON to the Struct of the method: by name or by position, field by field.

Every field is decoded by itself, so that an error names the one that is wrong.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import NODEFAULT, UNSET, Raw, Struct, UnsetType
from msgspec.structs import FieldInfo, fields

from hero_build.model.names import nearest
from hero_build.server.jsonrpc import invalid_params
from hero_build.system.decoding import decode_json
from hero_build.system.plain_text import plural

P = TypeVar("P", bound=Struct)


def decode(method: str, raw: Raw | UnsetType, kind: type[P]) -> P:
    """Raises RpcFailed, which names the field."""
    known = {field.encode_name: field for field in fields(kind)}
    given = _given(method, raw, known)
    for name in given:
        if name not in known:
            close = nearest(name, known)
            suggestion = f"did you mean {' or '.join(close)}?" if close else f"it takes {_listed(known)}"
            raise invalid_params(method, name, f"unknown parameter {name!r}; {suggestion}")
    values = {field.name: _value(method, field, given[name]) for name, field in known.items() if name in given}
    for name, field in known.items():
        if name not in given and field.default is NODEFAULT and field.default_factory is NODEFAULT:
            raise invalid_params(method, name, f"the parameter {name!r} is missing")
    return kind(**values)


def _given(method: str, raw: Raw | UnsetType, known: Mapping[str, FieldInfo]) -> Mapping[str, Raw]:
    if raw is UNSET:
        return {}
    if bytes(raw).startswith(b"{"):
        return decode_json(raw, kind=dict[str, Raw])
    values = decode_json(raw, kind=list[Raw])
    if len(values) > len(known):
        sentence = f"{plural(len(values), 'parameter')}; it takes {_listed(known)}"
        raise invalid_params(method, str(len(known)), sentence)
    return dict(zip(known, values, strict=False))


def _value(method: str, field: FieldInfo, raw: Raw) -> Any:
    try:
        return decode_json(raw, kind=field.type)
    except msgspec.ValidationError as error:
        raise invalid_params(method, field.encode_name, f"the parameter {field.encode_name!r}: {error}") from error


def _listed(known: Iterable[str]) -> str:
    return ", ".join(known) or "no parameters"
