"""Fixtures for the forge client: short limits, emitted events, a download folder, a client of the fault server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.events import Event
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.forgejo import Forgejo
from hero_build.settings import Secret
from support.fault_server import FaultServer
from support.limits import PATIENT, TOKEN


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def forge(faults: FaultServer, events: list[Event]) -> Iterator[Forgejo]:
    """A client of the fault server that carries TOKEN."""
    client = Forgejo(faults.url, token=Secret(TOKEN), emit=events.append, limits=PATIENT)
    yield client
    client.close()


@pytest.fixture
def downloads(tmp_path: Path) -> Iterator[DownloadDir]:
    with DownloadDir(tmp_path / "partial") as folder:
        yield folder
