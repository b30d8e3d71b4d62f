"""Of a large manifest that is as it was written, an app is read when it is asked for, and else written as it is."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from hero_build import __version__, manifest
from hero_build.errors import RootDamaged
from hero_build.install import seal
from hero_build.install.layout import Root
from hero_build.model.installed import Generation, InstalledPart, PartId
from hero_build.model.installed_parts import InstalledParts, UnreadPart, stored_parts
from support import roots
from support.generation_strategies import generations


@contextmanager
def every_size_is_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "_LARGE", 0)
        yield


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    root = Root(tmp_path / "hero")
    with every_size_is_large():
        for app in ("db", "web"):
            roots.install(root, app, "v1", app, f"{app}_server")
        yield root


def written(generation: Generation, folder: Path) -> Generation:
    """The generation as it is read from its folder."""
    (folder / "manifest.json").write_bytes(manifest.encoded(generation))
    (folder / seal.NAME).write_text(seal.measure(folder, ["manifest.json"]))
    return manifest.read(folder)


def unread(generation: Generation) -> set[str]:
    return {part.app for part, item in stored_parts(generation.records).items() if isinstance(item, UnreadPart)}


def programs_alone(generation: Generation) -> set[str]:
    """The apps without libraries and bundles."""
    kinds: dict[str, set[str]] = {}
    for part, record in generation.records.items():
        kinds.setdefault(part.app, set()).update(entry.artifact for entry in record.entries)
        if part.bundle is not None:
            kinds[part.app].add("bundle")
    return {app for app, artifacts in kinds.items() if artifacts == {"binary"}}


@settings(max_examples=25)
@given(generations)
def test_it_is_the_same_read_app_by_app(generation: Generation) -> None:
    generation = replace(generation, tool=f"hero-build {__version__}")
    text = manifest.encoded(generation)
    with every_size_is_large(), tempfile.TemporaryDirectory() as folder:
        known = written(generation, Path(folder))
    assert isinstance(known.records, InstalledParts) == bool(generation.records)
    assert unread(known) == programs_alone(generation)
    assert manifest.encoded(known) == text
    assert {part: known.records[part] for part in known.records} == generation.records
    assert manifest.encoded(known) == text
    assert known == generation
    assert list(known.records.values()) == [known.records[part] for part in known.records]


@settings(max_examples=25)
@given(generations, generations)
def test_what_stays_is_written_as_it_is(first: Generation, second: Generation) -> None:
    first = replace(first, tool=f"hero-build {__version__}")
    with every_size_is_large(), tempfile.TemporaryDirectory() as folder:
        known = written(first, Path(folder))
    stored = {**stored_parts(known.records), **second.records}
    records = known.records.successor(stored) if isinstance(known.records, InstalledParts) else second.records
    whole = replace(second, records={**first.records, **second.records})
    assert manifest.encoded(replace(second, records=records)) == manifest.encoded(whole)


def test_a_change_leaves_the_others_unread(root: Root) -> None:
    _, after = roots.install(root, "db", "v2", "db", "db_server")
    assert unread(after) == {"web"}
    assert unread(manifest.load(root.path)) == {"db", "web"}
    assert manifest.load(root.path) == after
    records = {part: replace(record) for part, record in after.records.items()}
    assert manifest.dump(replace(after, records=records)) == (root.current / "manifest.json").read_text()


def test_a_bundle_for_an_app_that_is_unread(root: Root) -> None:
    before = manifest.load(root.path)
    record = InstalledPart(PartId("db", "shell"), before.records[PartId("db")].origin, ())
    assert isinstance(before.records, InstalledParts)
    after = before.records.successor({**before.records.stored, record.id: record})
    text = manifest.dump(replace(before, records=after))
    assert text == manifest.dump(replace(before, records=dict(after.items())))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"size"', '"sighs"', "missing required field `size`"),
        ('"why"', '"because"', "missing required field `why`"),
        ('"bin/web"', '"../web"', "leaves the root"),
        ('"schema": 1', '"schema": 2', "a newer hero-build wrote it"),
    ],
)
def test_a_manifest_that_was_changed_is_refused_at_once(root: Root, old: str, new: str, why: str) -> None:
    path = root.current / "manifest.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(RootDamaged, match=why):
        manifest.load(root.path)


def test_damage_that_its_stamp_does_not_show_is_refused_when_an_app_is_read(root: Root) -> None:
    path = root.current / "manifest.json"
    status, text = path.stat(), path.read_text()
    path.write_text(text.replace('"used"', '"uses"'))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    generation = manifest.load(root.path)
    assert unread(generation) == {"db", "web"}
    for read in (lambda: generation.records[PartId("web")], lambda: list(generation.records.values())):
        with pytest.raises(RootDamaged, match=r"cannot be read as a manifest: .*`used`") as caught:
            read()
        assert "rollback" in caught.value.hint


def test_another_version_s_manifest_is_read_whole(root: Root) -> None:
    known = manifest.load(root.path)
    assert unread(written(known, root.current)) == {"db", "web"}
    assert unread(written(replace(known, tool="hero-build 0.0.1"), root.current)) == set()


def test_a_copied_root_is_read_whole(root: Root) -> None:
    text = (root.current / "manifest.json").read_text()
    (root.current / "manifest.json").unlink()
    (root.current / "manifest.json").write_text(text)
    assert unread(manifest.load(root.path)) == set()
