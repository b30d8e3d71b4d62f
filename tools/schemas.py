"""Write the JSON Schemas in docs/ from the types that the documents are encoded from: `make schemas`.

A test holds the files equal to what this writes, and the documents of real commands are validated against them.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.json import schema_components

from hero_build.cli.completion import CompletionScript
from hero_build.forge.build_record import BuildRecord, RecordHeader
from hero_build.install.gc import GcReport
from hero_build.install.islands_index import IslandsDocument
from hero_build.model.manifest_document import ManifestDocument
from hero_build.ops.hold import HoldReport
from hero_build.ops.write_lockfile import LockReport
from hero_build.ops.write_mirror import MirrorReport
from hero_build.output.json_document import DocumentHead, ErrorDocument
from hero_build.queries.audit import AuditReport
from hero_build.queries.change_report import ChangeReport, RestartReport
from hero_build.queries.diff import Diff
from hero_build.queries.doctor import DoctorReport
from hero_build.queries.explain import Explanation
from hero_build.queries.history import History
from hero_build.queries.list import AppListing
from hero_build.queries.publish_report import MatrixReport, PublishReport, WorkflowReport
from hero_build.queries.service_report import ServiceReport
from hero_build.queries.show import AppDetails
from hero_build.queries.status import StatusReport
from hero_build.queries.verify import VerifyReport

DOCS = Path(__file__).parents[1] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ANSWERS: Mapping[str, type[Struct]] = {
    "audit": AuditReport,
    "ci matrix": MatrixReport,
    "ci workflow": WorkflowReport,
    "completion": CompletionScript,
    "diff": Diff,
    "doctor": DoctorReport,
    "explain": Explanation,
    "gc": GcReport,
    "history": History,
    "hold": HoldReport,
    "install": ChangeReport,
    "islands": ChangeReport,
    "list": AppListing,
    "lock": LockReport,
    "mirror": MirrorReport,
    "publish": PublishReport,
    "restart": RestartReport,
    "rollback": ChangeReport,
    "shell": ChangeReport,
    "show": AppDetails,
    "start": ServiceReport,
    "status": StatusReport,
    "unhold": HoldReport,
    "stop": ServiceReport,
    "uninstall": ChangeReport,
    "upgrade": ChangeReport,
    "verify": VerifyReport,
}
"""The type of each command's answer; its document begins with the fields of DocumentHead."""

FILES: Mapping[str, tuple[type[Struct], str]] = {
    "islands": (IslandsDocument, "islands.json: the installed islands, and what a page needs to load them"),
    "manifest": (ManifestDocument, "manifest.json of a hero-build generation"),
}
"""The type and the title of each file that others read."""


def schemas() -> Mapping[Path, str]:
    """The text of every generated schema by its path."""
    documents = {f"schemas/{command.split()[-1]}": _answer(command, kind) for command, kind in ANSWERS.items()}
    documents["schemas/error"] = _schema("The --json document of a command that failed", DocumentHead, ErrorDocument)
    title = "A build record: the asset <app>-<what>.build.json of a release"
    documents["schemas/build"] = _schema(title, RecordHeader, BuildRecord)
    documents |= {name: _file(title, kind) for name, (kind, title) in FILES.items()}
    return {DOCS / f"{name}.schema.json": json.dumps(schema, indent=2) + "\n" for name, schema in documents.items()}


def _file(title: str, kind: type[Struct]) -> dict[str, Any]:
    """The schema of a type as it is decoded: a field may be absent where the type has a default."""
    _, components = schema_components([kind], ref_template="#/$defs/{name}")
    for component in components.values():
        del component["title"]  # the name of a class
    return {"$schema": DIALECT, "title": title, **components.pop(kind.__name__), "$defs": components}


def _answer(command: str, kind: type[Struct]) -> dict[str, Any]:
    schema = _schema(f"The --json document of hero-build {command}", DocumentHead, kind)
    schema["properties"]["command"] = {"const": command.split()[-1]}
    return schema


def _schema(title: str, *kinds: type[Struct]) -> dict[str, Any]:
    """One object that has the fields of all `kinds`, in order; its $defs are the types that they refer to."""
    _, components = schema_components(kinds, ref_template="#/$defs/{name}")
    parts = [_strict(components.pop(kind.__name__)) for kind in kinds]
    properties = {name: field for part in parts for name, field in part["properties"].items()}
    definitions = {name: _strict(item) for name, item in sorted(components.items())}
    schema = {"$schema": DIALECT, "title": title, **parts[-1], "properties": properties, "required": list(properties)}
    return {**schema, "$defs": definitions} if definitions else schema


def _strict(schema: Any) -> Any:
    """What hero-build writes is narrower than what the types allow: every field is there, and no number is negative."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(item) for key, item in schema.items() if key not in {"title", "default"}}
    if "properties" in schema:
        properties = {name: _field(name, item) for name, item in schema["properties"].items()}
        strict |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    if strict.get("type") in {"integer", "number"}:
        strict.setdefault("minimum", 0)
    if "description" in strict:
        strict["description"] = re.sub(r"\bNone\b", "null", " ".join(strict["description"].split()))
    return strict


def _field(name: str, schema: Any) -> Any:
    """A digest is lower-case hex wherever it is (docs/json.md)."""
    strict = _strict(schema)
    if name.startswith("sha256"):
        for choice in strict.get("anyOf", [strict]):
            if choice["type"] == "string":
                choice["pattern"] = "^[0-9a-f]{64}$"
    return strict


def main() -> None:
    for path, text in schemas().items():
        path.write_text(text)
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
