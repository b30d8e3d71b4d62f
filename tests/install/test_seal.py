"""The seal shows every kind of damage, and damaged content is replaced."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.install import seal
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.model.installed import PartId
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def output(root: Root, name: str) -> str:
    return subprocess.run([root.path / "bin" / name], check=True, capture_output=True, text=True).stdout


def damage(root: Root, app: str) -> tuple[str, ...]:
    generation = manifest.load(root.path)
    return seal.inspect(root, generation, [PartId(app)])[PartId(app)].damage


def rewrite(path: Path, content: bytes, mode: int | None = None) -> None:
    """Another file of the same length, with another inode and mtime."""
    place = path.resolve()
    mode = mode or place.stat().st_mode
    place.unlink()
    place.write_bytes(content)
    place.chmod(mode)


def recorded(root: Root) -> dict[str, list[int]]:
    seal_file: dict[str, list[int]] = json.loads((root.current / "seal.json").read_text())
    return seal_file


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda path: os.truncate(path.resolve(), 100), "bin/db has 100 bytes instead of"),
        (lambda path: rewrite(path, path.read_bytes()[::-1]), "bin/db has other content"),
        (lambda path: rewrite(path, path.read_bytes(), 0o700), "bin/db has mode 0700 instead"),
        (lambda path: (path.resolve().unlink(), path.resolve().mkdir()), "bin/db has"),
        (lambda path: path.resolve().unlink(), "bin/db is missing"),
        (lambda path: path.unlink(), "bin/db is not linked"),
        (lambda path: (path.unlink(), path.write_text("x")), "bin/db was replaced by something else"),
    ],
)
def test_the_seal_shows_damage(root: Root, harm, sentence: str) -> None:  # type: ignore[no-untyped-def]
    roots.install(root, "db", "v1")
    assert damage(root, "db") == ()
    harm(root.path / "bin" / "db")
    assert damage(root, "db")[0].startswith(sentence)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"bin/db": 1}', '{"bin/db": [1, 2]}', '{"bin/db": [1, 2, "3"]}'], ids=range(5)
)
def test_a_malformed_seal_means_that_every_file_is_read(root: Root, text: str) -> None:
    roots.install(root, "db", "v1", "db", "db_server")
    before = recorded(root)
    rewrite(root.path / "bin" / "db", (root.path / "bin" / "db").read_bytes()[::-1])
    (root.current / "seal.json").write_text(text)
    (reason,) = damage(root, "db")
    assert reason.startswith("bin/db has other content")
    assert recorded(root) == {"bin/db_server": before["bin/db_server"]}, "only what is right is sealed"


def test_a_stamp_that_differs_is_read_and_sealed_again(root: Root) -> None:
    roots.install(root, "db", "v1")
    before = recorded(root)
    rewrite(root.path / "bin" / "db", (root.path / "bin" / "db").read_bytes())
    assert damage(root, "db") == ()
    after = recorded(root)
    assert after != before
    status = (root.path / "bin" / "db").stat()
    assert after["bin/db"] == [status.st_ino, status.st_size, status.st_mtime_ns]
    assert os.listdir(root.staging) == []


def test_the_seal_is_not_renewed_while_a_command_changes_the_root(root: Root) -> None:
    roots.install(root, "db", "v1")
    before = recorded(root)
    rewrite(root.path / "bin" / "db", (root.path / "bin" / "db").read_bytes())
    with locked(root):
        assert damage(root, "db") == ()
    assert recorded(root) == before


def test_a_part_is_examined_in_its_own_generation(root: Root) -> None:
    """Another command committed since the manifest was read."""
    roots.install(root, "db", "v1")
    generation = manifest.load(root.path)
    roots.install(root, "db", "v2")
    assert seal.inspect(root, generation, [PartId("db")])[PartId("db")].damage == ()
    assert seal.rehash(root, generation, [PartId("db")])[PartId("db")].damage == ()


def test_content_written_through_the_link_is_replaced_and_not_kept(root: Root) -> None:
    roots.install(root, "db", "v1")
    (root.path / "bin" / "db").write_text("rotten")
    roots.install(root, "db", "v1")
    assert output(root, "db") == "db v1\n"
    roots.settled(root)


def test_a_change_of_another_app_does_not_vouch_for_what_was_changed_since(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "web", "v1")
    before = recorded(root)
    path = (root.path / "bin" / "db").resolve()
    path.write_bytes(path.read_bytes()[::-1])  # the same inode and size
    roots.install(root, "web", "v2")
    assert recorded(root)["bin/db"] == before["bin/db"]
    assert damage(root, "db")[0].startswith("bin/db has other content")


def test_a_new_generation_measures_what_the_seal_before_does_not_have(root: Root) -> None:
    roots.install(root, "db", "v1")
    (root.current / "seal.json").unlink()
    roots.install(root, "web", "v1")
    status = (root.path / "bin" / "db").stat()
    assert recorded(root)["bin/db"] == [status.st_ino, status.st_size, status.st_mtime_ns]
