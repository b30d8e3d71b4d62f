"""manifest.json is read as it was written, fits its schema, and is refused with the path of the field that does not."""

import json
import os
import time
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from msgspec.structs import replace

from hero_build import manifest
from hero_build.errors import MachineError, RootDamaged
from hero_build.install.layout import Root
from hero_build.model.installed import Generation
from support import roots
from support.generation_strategies import generations
from support.open_files import no_more_files

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "manifest.schema.json").read_text())


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
