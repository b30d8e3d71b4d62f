"""Fixtures of the bad-input scenarios: a stage with an app that has v1, and servers that misbehave."""

import pytest

from support import mirrors
from support.fault_server import FaultServer
from support.refusals import NAMES, Stage
from support.worlds import World


@pytest.fixture(autouse=True)
def db(world: World) -> None:
    """The recipe of `db`, without a release."""
    world.recipe("db", *NAMES)


@pytest.fixture
def stage(world: World, faults: FaultServer, another: FaultServer) -> Stage:
    return Stage(world, faults, another)


@pytest.fixture
def versions(world: World) -> World:
    """v1 and v2 in a mirror; v3 has wrong checksums."""
    for version in ("v3", "v1", "v2"):
        files = mirrors.programs(version, *NAMES)
        if version == "v3":
            files["SHA256SUMS"] = mirrors.sums(dict.fromkeys(files, b"other"))
        mirrors.release(world.mirror, app="db", tag=version, files=files, checksums=version != "v3")
    return world
