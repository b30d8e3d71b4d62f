"""Results as JSON documents, one per command. Their schemas are docs/schemas/<command>.schema.json.

A document is the answer's own fields, with `schema`, `command`, `exit` (the exit code) and `warnings` in front.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from hero_build.artifact import Platform
from hero_build.events import Warned
from hero_build.model import Failed
from hero_build.queries.problem import problem
from hero_build.record import PartId

SCHEMA = 1


def render(command: str, code: int, warnings: Sequence[Warned], answer: object) -> str:
    """The document on one line per key, ASCII only, so that nothing in it can touch a terminal."""
    head = {"schema": SCHEMA, "command": command, "exit": code, "warnings": encode(tuple(warnings))}
    return json.dumps(head | _fields(answer), indent=2) + "\n"


def encode(value: object) -> Any:
    """A value as JSON holds it: dataclasses by field, mappings by key, parts, platforms and paths as their text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case PartId() | Platform() | PurePath():
            return str(value)
        case Failed(app, part, error):
            return _fields(problem(error, app, str(part) if part else None))
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case list() | tuple():
            return [encode(item) for item in value]
        case _:
            return _fields(value)


def _fields(value: object) -> dict[str, Any]:
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no place in a document")
    return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
