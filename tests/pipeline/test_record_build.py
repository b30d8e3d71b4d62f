"""What a build made is recorded once for all parts with one fingerprint: thirty bundles of a checkout share one."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hero_build.model.artifacts import Cargo, WasmBundle
from hero_build.model.installed import BuildInfo, Fingerprint
from hero_build.model.steps import CargoJob, Tree, VerifiedPart
from hero_build.pipeline.record_build import record_parts
from hero_build.settings import read
from hero_build.source import recorded_build
from support import bundle_roots

ONE, OTHER = Fingerprint((("commit", "one"),)), Fingerprint((("commit", "other"),))


def part(folder: Path, name: str, fingerprint: Fingerprint | None) -> VerifiedPart:
    made = bundle_roots.ready(bundle_roots.built(folder, WasmBundle(name), "v1"), "v1")
    build = BuildInfo("main", fingerprint) if fingerprint is not None else None
    return replace(made, origin=replace(made.origin, build=build))


def test_parts_with_one_fingerprint_are_recorded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(recorded_build, "record", lambda job, **words: calls.append(words))
    parts = [part(tmp_path, name, ONE) for name in ("island_a", "island_b")]
    parts += [part(tmp_path, "island_c", OTHER), part(tmp_path, "island_d", None)]
    job = CargoJob(Tree(tmp_path, "0" * 40, False), Cargo(), ("a",))
    record_parts([*parts, object()], job, None, settings=read({}, {"HERO_ROOT": str(tmp_path)}))
    assert [(call["fingerprint"], sorted(call["outputs"])) for call in calls] == [
        (ONE, ["island_a", "island_b"]),
        (OTHER, ["island_c"]),
    ]
