"""Results as JSON documents, one per command. Their schemas are docs/schemas/<command>.schema.json.

A document is the answer's own fields, with `schema`, `command`, `exit` (the exit code) and `warnings` in front.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from hero_build.events import WarningRaised
from hero_build.model.artifacts import Platform
from hero_build.model.failure import failure
from hero_build.model.installed import PartId
from hero_build.model.steps import Failed

SCHEMA = 1


def render(command: str, code: int, warnings: Sequence[WarningRaised], answer: object) -> str:
    """The document on one line per key, ASCII only, so that nothing in it can touch a terminal."""
    head = {"schema": SCHEMA, "command": command, "exit": code, "warnings": encode(tuple(warnings))}
    return json.dumps(head | _fields(answer), indent=2) + "\n"


def encode(value: object) -> Any:
    """A value as JSON holds it: structs by field, mappings by key, parts, platforms and paths as their text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case PartId() | Platform() | PurePath():
            return str(value)
        case Failed(app, part, error):
            return _fields(failure(error, app, str(part) if part else None))
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case list() | tuple():
            return [encode(item) for item in value]
        case _:
            return _fields(value)


def _fields(value: object) -> dict[str, Any]:
    if not isinstance(value, Struct):
        raise TypeError(f"{type(value).__name__} has no place in a document")
    return {name: encode(getattr(value, name)) for name in value.__struct_fields__}
