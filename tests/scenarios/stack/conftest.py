"""A world for the tests that run the program, and short folders for sockets, whose paths have a limit."""

from pathlib import Path

import pytest

from support import worlds


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s")


@pytest.fixture
def world(tmp_path: Path) -> worlds.World:
    return worlds.World(tmp_path)
