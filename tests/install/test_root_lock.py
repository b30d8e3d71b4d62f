"""The lock of a root is exclusive, and a failure under it leaves no trace."""

from pathlib import Path

import pytest

from hero_build.errors import LockHeld
from hero_build.install import history
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def test_the_lock_is_exclusive(root: Root) -> None:
    roots.install(root, "db", "v1")
    with locked(root), pytest.raises(LockHeld) as caught:
        history.uninstall(root, ["db"])
    assert caught.value.code == 7
    assert "--wait" in caught.value.hint


def test_a_failure_inside_the_lock_leaves_no_trace(root: Root) -> None:
    roots.install(root, "db", "v1")
    before = roots.tree(root.path / "bin")
    (root.state / "generations" / "2").mkdir()  # as an interrupted run leaves it
    (root.path / "bin" / "ghost").symlink_to("../var/hero_build/current/bin/ghost")
    with pytest.raises(FileNotFoundError), locked(root):
        (root.staging / "half" / "deeper").mkdir()
    assert roots.tree(root.path / "bin") == before
    roots.settled(root)
