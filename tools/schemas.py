"""Write the JSON Schemas and the OpenRPC document in docs/ from the types that are encoded: `make schemas`.

A test holds the files equal to what this writes, and the documents of real commands are validated against them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.json import schema_components

from hero_build.cli.completion import CompletionScript
from hero_build.cli.help import HelpText
from hero_build.cli.serve import Serving
from hero_build.fleet.cloud_init import UserData
from hero_build.fleet.units import UnitsReport
from hero_build.forge.build_record import BuildRecord, RecordHeader
from hero_build.install.gc import GcReport
from hero_build.install.islands_index import IslandsDocument
from hero_build.model.manifest_document import ManifestDocument
from hero_build.ops.hold import HoldReport
from hero_build.ops.write_lockfile import LockReport
from hero_build.ops.write_mirror import MirrorReport
from hero_build.ops.write_pack import PackReport
from hero_build.output.json_document import DocumentHead, ErrorDocument
from hero_build.output.json_schema import strict
from hero_build.queries.audit import AuditReport
from hero_build.queries.build_report import BuildReport
from hero_build.queries.change_report import ChangeReport, RestartReport
from hero_build.queries.delete_report import DeleteReport
from hero_build.queries.diff import Diff
from hero_build.queries.doctor import DoctorReport
from hero_build.queries.explain import Explanation
from hero_build.queries.history import History
from hero_build.queries.inspect import Inspection
from hero_build.queries.list import AppListing
from hero_build.queries.outdated import OutdatedReport
from hero_build.queries.publish_report import MatrixReport, PublishReport, WorkflowReport
from hero_build.queries.service_health import HealthReport
from hero_build.queries.service_logs import LogReport
from hero_build.queries.service_report import ServiceReport
from hero_build.queries.show import AppDetails
from hero_build.queries.status import StatusReport
from hero_build.queries.supervisor_report import SupervisorReport
from hero_build.queries.troubleshoot import DiagnosisReport
from hero_build.queries.uninstall_report import UninstallReport
from hero_build.queries.verify import VerifyReport
from hero_build.server import openrpc

DOCS = Path(__file__).parents[1] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ANSWERS: Mapping[str, type[Struct]] = {
    "audit": AuditReport,
    "build": BuildReport,
    "ci matrix": MatrixReport,
    "ci workflow": WorkflowReport,
    "completion": CompletionScript,
    "delete": DeleteReport,
    "diff": Diff,
    "doctor": DoctorReport,
    "explain": Explanation,
    "fleet cloud-init": UserData,
    "fleet converge": ChangeReport,
    "fleet units": UnitsReport,
    "gc": GcReport,
    "health": HealthReport,
    "help": HelpText,
    "history": History,
    "inspect": Inspection,
    "hold": HoldReport,
    "install": ChangeReport,
    "islands": ChangeReport,
    "list": AppListing,
    "logs": LogReport,
    "lock": LockReport,
    "mirror": MirrorReport,
    "pack": PackReport,
    "outdated": OutdatedReport,
    "publish": PublishReport,
    "restart": RestartReport,
    "rollback": ChangeReport,
    "serve": Serving,
    "search": AppListing,
    "shell": ChangeReport,
    "show": AppDetails,
    "start": ServiceReport,
    "status": StatusReport,
    "supervisor current": SupervisorReport,
    "supervisor use": ServiceReport,
    "unhold": HoldReport,
    "stop": ServiceReport,
    "troubleshoot": DiagnosisReport,
    "uninstall": UninstallReport,
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
    documents["schemas/build-record"] = _schema(title, RecordHeader, BuildRecord)
    documents |= {name: _file(title, kind) for name, (kind, title) in FILES.items()}
    texts = {f"{name}.schema.json": json.dumps(schema, indent=2) + "\n" for name, schema in documents.items()}
    texts["openrpc.json"] = json.dumps(openrpc.document(), indent=2) + "\n"
    return {DOCS / name: text for name, text in texts.items()}


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
    parts = [strict(components.pop(kind.__name__)) for kind in kinds]
    properties = {name: field for part in parts for name, field in part["properties"].items()}
    definitions = {name: strict(item) for name, item in sorted(components.items())}
    schema = {"$schema": DIALECT, "title": title, **parts[-1], "properties": properties, "required": list(properties)}
    return {**schema, "$defs": definitions} if definitions else schema


def main() -> None:
    for path, text in schemas().items():
        path.write_text(text)
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
