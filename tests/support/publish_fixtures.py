"""Fixtures for publishing: release files, a repository of the real server, publishers, runners."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hero_build.events import Event
from hero_build.publish.assets import release_file
from hero_build.publish.forgejo import ForgejoPublisher
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.settings import Secret
from support import actions_runner, desktops
from support.actions_runner import Runners
from support.forge_server import REPO, ForgeServer
from support.limits import PATIENT
from support.server_releases import Make, Pack, Publish
from support.worlds import World


@pytest.fixture
def repo(forge_server: ForgeServer) -> str:
    """A repository of its own for each test, with one commit on main."""
    return forge_server.create_repo(f"out-{uuid4().hex[:8]}")


@pytest.fixture
def plain_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty ~/.gitconfig, no compiler cache, no flags."""
    (tmp_path / "gitconfig").touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in list(os.environ):
        if name in ("RUSTFLAGS", "RUSTC", "CI") or (name.startswith("CARGO_") and name != "CARGO_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUSTC_WRAPPER", "")


@pytest.fixture
def publisher(forge_server: ForgeServer, tmp_path: Path, events: list[Event]) -> Iterator[Make]:
    """Makes publishers to the real server, by default with the administrator's token."""
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
    """Release files with these contents, in files of a folder of their own."""

    def make(**files: bytes) -> tuple[ReleaseFile, ...]:
        folder = tmp_path / f"dist-{uuid4().hex[:6]}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return tuple(release_file(name, folder / name) for name in files)

    return make


@pytest.fixture
def spec(repo: str) -> Publish:
    def make(*files: ReleaseFile, tag: str = "v1", **extra: Any) -> ReleaseSpec:
        return ReleaseSpec("app", repo=extra.pop("repo", repo), tag=tag, files=files, **extra)

    return make


@pytest.fixture(scope="session")
def checkout(forge_server: ForgeServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`actions/checkout@v4`, as a repository of the server itself, which the first worker creates."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "checkout.made").open("a+") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        if os.fstat(made.fileno()).st_size:
            return
        actions_runner.create_checkout_action(forge_server)
        made.write("yes")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with `hero-build` in it. Until there is a file `died` it speaks to $PROXY, if that is set."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "hero-build"
    lines = (
        "#!/bin/sh",
        f'[ -z "$PROXY" ] || [ -e {tmp_path}/died ] || export FORGEJO_URL="$PROXY"',
        f"echo $$ >{tmp_path}/pid",
        f'PYTHONPATH="{REPO}" exec "{sys.executable}" -m hero_build "$@"',
    )
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o755)
    return folder


@pytest.fixture
def runners(forge_server: ForgeServer, programs: Path, tmp_path: Path) -> Iterator[Runners]:
    """Starts so many runners for a repository."""
    with ExitStack() as stack:

        def start(repo: str, number: int, **more: str) -> None:
            for one in range(number):
                folder = tmp_path / f"runner-{one}"
                env = {
                    "PATH": f"{programs}:{os.environ['PATH']}",
                    **desktops.at_home(World(tmp_path)),
                    "HERO_BUILD_CACHE": str(folder / "cache"),
                    **more,
                }
                stack.enter_context(actions_runner.running(forge_server, repo=repo, folder=folder, env=env))

        yield start
