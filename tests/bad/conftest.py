"""What the trials of bad input share: a stage with an app that has v1, and servers that misbehave as told."""

from pathlib import Path

import pytest

from fault_server import FaultServer
from trials import NAMES, Stage
from worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The recipe of `db`, and no root yet."""
    made = World(tmp_path)
    made.recipe("db", *NAMES)
    return made


@pytest.fixture
def stage(world: World, faults: FaultServer, another: FaultServer) -> Stage:
    return Stage(world, faults, another)
