"""manifest.json is read as it was written, fits its schema, and is refused with the path of the field that does not."""

import json
import os
import time
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hero_build import manifest
from hero_build.errors import MachineError, RootDamaged
from hero_build.install.layout import Root
from hero_build.model.installed import (
    Adopted,
    BuildInfo,
    Elf,
    FileEntry,
    Fingerprint,
    Generation,
    InstalledArtifact,
    InstalledPart,
    Origin,
    PartId,
)
from support import roots
from support.open_files import no_more_files

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "manifest.schema.json").read_text())
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAME = st.from_regex(r"[a-z][a-z0-9_.-]{0,9}", fullmatch=True)
DIGEST = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
MAYBE = st.none() | TEXT
MODES = st.sampled_from(["auto", "download", "source"])

builds = st.builds(
    BuildInfo,
    TEXT,
    st.dictionaries(TEXT, TEXT, max_size=3).map(lambda words: Fingerprint(tuple(words.items()))),
    TEXT,
    st.sampled_from([None, "direct", "wasm-pack"]),
    st.none() | st.booleans(),
)
origins = st.builds(
    Origin,
    version=TEXT,
    requested=MODES,
    used=st.sampled_from(["download", "source"]),
    why=TEXT,
    forge=TEXT,
    repo=TEXT,
    tag=MAYBE,
    commit=MAYBE,
    dirty=st.none() | st.booleans(),
    build=st.none() | builds,
    phase=st.sampled_from([None, "install", "shell", "islands"]),
)


def files(folder: str, name: str) -> st.SearchStrategy[FileEntry]:
    return st.builds(
        FileEntry, st.just(f"{folder}/{name}"), DIGEST, st.integers(0, 1 << 40), st.sampled_from([0o755, 0o644])
    )


@st.composite
def singles(draw: st.DrawFn, kind: str, folder: str) -> InstalledArtifact:
    name = draw(NAME)
    return InstalledArtifact(
        name,
        artifact=kind,  # type: ignore[arg-type]
        files=(draw(files(folder, name)),),
        kind=draw(st.sampled_from(["server", "admin", "web", "cli"])) if kind == "binary" else None,
        asset=draw(MAYBE),
        asset_id=draw(TEXT),
        asset_sha256=draw(st.none() | DIGEST),
        legacy_name=draw(st.booleans()),
        verified=tuple(draw(st.lists(TEXT, max_size=3))),
        elf=draw(st.none() | st.builds(Elf, TEXT, TEXT, st.booleans())),
    )


@st.composite
def bundles(draw: st.DrawFn, app: str) -> InstalledPart:
    name = draw(NAME)
    contents = draw(st.lists(files(f"share/hero_os/{name}", "x"), max_size=1))
    return InstalledPart(
        PartId(app, name), draw(origins), (InstalledArtifact(name, "bundle", tuple(contents), asset=draw(MAYBE)),)
    )


@st.composite
def records(draw: st.DrawFn) -> dict[PartId, InstalledPart]:
    parts: dict[PartId, InstalledPart] = {}
    for app in draw(st.lists(NAME, unique=True, max_size=3)):
        binaries = draw(st.lists(singles("binary", "bin"), max_size=2, unique_by=lambda entry: entry.name))
        libraries = draw(st.lists(singles("library", "lib"), max_size=1))
        if binaries or libraries:
            parts[PartId(app)] = InstalledPart(PartId(app), draw(origins), (*binaries, *libraries))
        for bundle in draw(st.lists(bundles(app), max_size=2)):
            parts[bundle.id] = bundle
    return parts


generations = st.builds(
    Generation,
    st.integers(1, 10**9),
    TEXT,
    TEXT,
    TEXT,
    records(),
    st.lists(st.builds(Adopted, NAME, st.sampled_from(["file", "link", "folder"])), unique_by=lambda a: a.path).map(
        tuple
    ),
)


@given(generations)
def test_round_trip_and_schema(generation: Generation) -> None:
    document = json.loads(manifest.dump(generation))
    assert manifest.decode(document, Path("x")) == generation
    jsonschema.validate(document, SCHEMA)


def test_a_real_one_fits_the_schema(tmp_path: Path) -> None:
    root = Root(tmp_path)
    _, after = roots.install(root, "db", "v1", "db", "db_server")
    assert manifest.load(tmp_path) == after
    jsonschema.validate(json.loads((root.current / "manifest.json").read_text()), SCHEMA)


def test_an_empty_root_is_generation_0(tmp_path: Path) -> None:
    assert manifest.load(tmp_path) == Generation(0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text[:40], "cannot be read"),
        (lambda text: "", "cannot be read"),
        (lambda text: "[]", "no schema number"),
        (lambda text: text.replace('"schema": 1', '"schema": 0'), "no released hero-build wrote it"),
        (lambda text: text.replace('"schema": 1', '"schema": 2'), "a newer hero-build wrote it"),
        (
            lambda text: text.replace('"schema": 1', '"schema": 2')[:40],
            "cannot be read as a manifest: Input data was truncated",
        ),
        (lambda text: text.replace('"apps"', '"app"'), "missing required field `apps`"),
        (
            lambda text: text.replace('"size"', '"sighs"'),
            r"missing required field `size` - at `\$.apps\[...\].binaries\[...\]`",
        ),
        (lambda text: text.replace('"why"', '"because"'), "missing required field `why` - at `[$].apps.db`"),
        (lambda text: text.replace('"bin/db"', '"../db"'), "leaves the root"),
        (lambda text: text.replace('"0755"', '"rwx"'), r"matching regex .* - at `\$.apps\[...\].binaries\[...\].mode`"),
        (lambda text: text.replace('"sha256": "', '"sha256": "A'), r"matching regex .*\.binaries\[...\].sha256"),
        (lambda text: text.replace('"asset_sha256": "', '"asset_sha256": "0'), r"matching regex .*\.asset_sha256"),
        (
            lambda text: text.replace('"source": {', '"source": 1, "s": {'),
            r"Expected `object`, got `int` - at `\$.apps\[...\].source`",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change, why: str) -> None:  # type: ignore[no-untyped-def]
    root = Root(tmp_path)
    roots.install(root, "db", "v1")
    path = root.current / "manifest.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(RootDamaged, match=why) as caught:
        manifest.load(tmp_path)
    assert caught.value.code == 5
    assert "rollback" in caught.value.hint


def test_too_many_open_files_are_not_a_damaged_manifest(tmp_path: Path) -> None:
    root = Root(tmp_path)
    roots.install(root, "db", "v1", "db")
    assert manifest.load(tmp_path).records  # loads the modules that it needs
    os.utime(root.current / "manifest.json")  # another stamp: it is read again
    with no_more_files(), pytest.raises(MachineError, match="too many files are open") as caught:
        manifest.load(tmp_path)
    assert caught.value.code == 8
    assert "ulimit -n" in caught.value.hint


def test_an_app_that_is_left_alone_is_written_as_it_was_read(tmp_path: Path) -> None:
    root = Root(tmp_path / "hero")
    roots.install(root, "db", "v1", "db", "db_server")
    roots.install(root, "web", "v1")
    text = (root.current / "manifest.json").read_text()
    generation = manifest.load(root.path)
    assert manifest.dump(generation) == text
    records = {part: replace(record) for part, record in generation.records.items()}  # equal, and not the same
    assert manifest.dump(replace(generation, records=records)) == text


def test_a_manifest_is_read_again_once_it_changes(tmp_path: Path) -> None:
    root = Root(tmp_path / "hero")
    roots.install(root, "db", "v1")
    path = root.current / "manifest.json"
    first = manifest.read(root.current)
    for action in ("one", "two"):  # of one length, at once and when the stamp counts
        path.write_text(manifest.dump(replace(first, action=action)))
        assert manifest.read(root.current).action == action
        time.sleep(0.06)
        assert manifest.read(root.current).action == action
    path.write_text("{")
    with pytest.raises(RootDamaged):
        manifest.read(root.current)
