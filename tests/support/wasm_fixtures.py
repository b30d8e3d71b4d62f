"""What the tests of source/wasm/ share: the real toolchain first on PATH, and thirty islands that are built once."""

import fcntl
import os
from pathlib import Path

import pytest

from support import island_workspace, wasm_toolchain
from support.island_workspace import IslandWorkspace


@pytest.fixture(scope="session")
def toolchain() -> Path:
    """Its folder of programs."""
    return wasm_toolchain.ready()


@pytest.fixture
def plain_cargo(toolchain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toolchain without compiler caches and flags of the person who runs the tests."""
    _plain(toolchain, monkeypatch)


def _plain(toolchain: Path, patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in ("RUSTFLAGS", "RUSTC") or (name.startswith("CARGO_") and name != "CARGO_HOME"):
            patch.delenv(name)
    patch.setenv("RUSTC_WRAPPER", "")
    patch.setenv("PATH", f"{toolchain}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="session")
def thirty(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> IslandWorkspace:
    """All islands, built by the direct backend into `<tree>/../out`: once for all workers, which do not change them."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "thirty"
    shared.mkdir(exist_ok=True)
    with (shared / ".lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _plain(toolchain, patch)
        if not (shared / "out").is_dir():
            island_workspace.site(shared).files(shared / "incomplete")
            (shared / "incomplete").rename(shared / "out")
    return IslandWorkspace(shared / "hero_archipelagos", shared / "cache")
