"""What a build made is recorded once for all parts with one fingerprint: thirty bundles of a checkout share one."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hero_build.errors import BuildError
from hero_build.model.artifacts import Cargo, WasmBundle
from hero_build.model.installed import BuildInfo, FileEntry, Fingerprint, InstalledArtifact, InstalledPart
from hero_build.model.steps import CargoJob, Failed, Produced, Restore, Tree, VerifiedPart
from hero_build.pipeline.record_build import record_parts
from hero_build.settings import read
from hero_build.source import recorded_build
from support import bundle_roots

ONE, OTHER = Fingerprint((("commit", "one"),)), Fingerprint((("commit", "other"),))


def part(folder: Path, name: str, fingerprint: Fingerprint | None) -> VerifiedPart:
    made = bundle_roots.ready(bundle_roots.built(folder, WasmBundle(name), "v1"), "v1")
    build = BuildInfo("main", fingerprint) if fingerprint is not None else None
    return replace(made, origin=replace(made.origin, build=build))


def kept(folder: Path, name: str, fingerprint: Fingerprint) -> Restore:
    """What is installed already, and would be made again."""
    made = part(folder, name, fingerprint)
    files = tuple(
        FileEntry(str(file.dest), sha256=file.sha256, size=file.size, mode=file.mode)
        for item in made.artifacts
        for file in item.files
    )
    return Restore(InstalledPart(made.part.id, made.origin, (InstalledArtifact(name, "bundle", files),)), 1)


def test_parts_with_one_fingerprint_are_recorded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(recorded_build, "record", lambda job, **words: calls.append(words))
    parts: list[Produced] = [part(tmp_path / "new", name, ONE) for name in ("island_a", "island_b")]
    parts += [part(tmp_path, "island_c", OTHER), part(tmp_path, "island_d", None), kept(tmp_path, "island_b", OTHER)]
    parts.append(Failed("archipelagos", None, BuildError("it does not compile")))
    job = CargoJob(Tree(tmp_path, "0" * 40, False), Cargo(), ("a",))
    record_parts(parts, job, None, settings=read({}, {"HERO_ROOT": str(tmp_path)}))
    assert [(call["fingerprint"], sorted(call["outputs"])) for call in calls] == [
        (ONE, ["island_a", "island_b"]),
        (OTHER, ["island_b", "island_c"]),
    ]
    assert calls[0]["outputs"]["island_b"] == calls[1]["outputs"]["island_b"]  # it does not matter who has the files
