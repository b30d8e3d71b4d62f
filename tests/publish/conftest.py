"""What the tests of publish/ share: parcels of real content, a repository of the real server, publishers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from forge_server import ForgeServer
from hero_build.events import Event
from hero_build.publish.forgejo import ForgejoPublisher
from hero_build.publish.parcels import parcel
from hero_build.publish.publication import Parcel, Publication
from hero_build.settings import Secret
from outgoing import PATIENT, Make, Pack, Publish


@pytest.fixture
def repo(forge_server: ForgeServer) -> str:
    """A repository of its own for each test, with one commit on main."""
    return forge_server.create_repo(f"out-{uuid4().hex[:8]}")


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def publisher(forge_server: ForgeServer, tmp_path: Path, events: list[Event]) -> Iterator[Make]:
    """Makes publishers to the real server, with the administrator's token unless told otherwise."""
    made: list[ForgejoPublisher] = []

    def make(url: str = forge_server.url, token: str | None = forge_server.token, **extra: Any) -> ForgejoPublisher:
        options = {"limits": PATIENT, "jobs": 4, **extra}
        secret = Secret(token) if token else None
        made.append(ForgejoPublisher(url, secret, events.append, **options))
        return made[-1]

    yield make
    for item in made:
        item.close()


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Parcels with these contents, in files of a folder of their own."""

    def make(**files: bytes) -> tuple[Parcel, ...]:
        folder = tmp_path / f"dist-{uuid4().hex[:6]}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return tuple(parcel(name, folder / name) for name in files)

    return make


@pytest.fixture
def publication(repo: str) -> Publish:
    def make(*parcels: Parcel, tag: str = "v1", **extra: Any) -> Publication:
        return Publication("app", extra.pop("repo", repo), tag, parcels, **extra)

    return make
