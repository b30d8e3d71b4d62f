"""A world for the tests that run the program."""

from pathlib import Path

import pytest

from support import worlds


@pytest.fixture
def world(tmp_path: Path) -> worlds.World:
    return worlds.world(tmp_path)
