"""JSON Schemas of what hero-build writes: narrower than those of the types that it is encoded from."""

import re
from typing import Any


def strict(schema: Any) -> Any:
    """What hero-build writes is narrower than what the types allow: every field is there, and no number is negative."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    narrow = {key: strict(item) for key, item in schema.items() if key not in {"title", "default"}}
    if "properties" in schema:
        properties = {name: _field(name, item) for name, item in schema["properties"].items()}
        narrow |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    if narrow.get("type") in {"integer", "number"}:
        narrow.setdefault("minimum", 0)
    if "description" in narrow:
        narrow["description"] = re.sub(r"\bNone\b", "null", " ".join(narrow["description"].split()))
    return narrow


def _field(name: str, schema: Any) -> Any:
    """A digest is lower-case hex wherever it is (docs/json.md)."""
    narrow = strict(schema)
    if name.startswith("sha256"):
        for choice in narrow.get("anyOf", [narrow]):
            if choice["type"] == "string":
                choice["pattern"] = "^[0-9a-f]{64}$"
    return narrow
