"""The seal shows every kind of damage, and damaged content is replaced."""

import os
import subprocess
from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.install import seal
from hero_build.install.layout import Root
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


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda path: os.truncate(path.resolve(), 100), "bin/db has 100 bytes instead of"),
        (lambda path: path.resolve().write_bytes(path.read_bytes()), "bin/db was touched since it was installed"),
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
def test_a_malformed_seal_counts_every_file_as_touched(root: Root, text: str) -> None:
    roots.install(root, "db", "v1", "db", "db_server")
    (root.current / "seal.json").write_text(text)
    touched = "was touched since it was installed"
    assert damage(root, "db") == (f"bin/db {touched}", f"bin/db_server {touched}")


def test_content_written_through_the_link_is_replaced_and_not_kept(root: Root) -> None:
    roots.install(root, "db", "v1")
    (root.path / "bin" / "db").write_text("rotten")
    roots.install(root, "db", "v1")
    assert output(root, "db") == "db v1\n"
    roots.settled(root)
