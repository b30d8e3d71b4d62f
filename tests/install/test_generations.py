"""A part that a build leaves as it is belongs to the generation that has it when the command commits."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.errors import LockHeld
from hero_build.install.commit import commit
from hero_build.install.generations import still_installed
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.model.installed import InstalledPart, PartId
from hero_build.model.steps import Restore
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def install(root: Root, version: str) -> InstalledPart:
    _, after = roots.install(root, "db", version)
    return after.records[PartId("db")]


def test_it_is_taken_from_the_newest_generation_that_has_it(root: Root) -> None:
    record = install(root, "v1")
    roots.install(root, "code", "v1")
    renewed = replace(record, origin=replace(record.origin, version="v2"))
    kept = (root.path / "bin" / "db").stat()
    with locked(root) as held:
        part = still_installed(held, Restore(renewed, 1))
        assert part == Restore(renewed, 2)
        commit(held, [part], "islands")
    now = (root.path / "bin" / "db").stat()
    assert (now.st_ino, now.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    assert roots.settled(root).records[PartId("db")] == renewed


def test_what_was_replaced_meanwhile_comes_from_the_older_generation(root: Root) -> None:
    record = install(root, "v1")
    install(root, "v2")
    with locked(root) as held:
        assert still_installed(held, Restore(record, 1)) == Restore(record, 1)


def test_what_was_replaced_and_deleted_meanwhile_is_an_error(root: Root) -> None:
    record = install(root, "v1")
    install(root, "v2")
    shutil.rmtree(root.generation(1))
    with locked(root) as held, pytest.raises(LockHeld, match="another command replaced db while it was built"):
        still_installed(held, Restore(record, 1))
