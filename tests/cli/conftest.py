"""A world for every test of a command, and the schemas that its documents are held against."""

from pathlib import Path

import pytest

from support import worlds


@pytest.fixture
def world(tmp_path: Path) -> worlds.World:
    return worlds.world(tmp_path)
