"""What the tests of the desktop share: worlds with both apps, and the real toolchain for WebAssembly."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import desktops, wasm_toolchain
from support.worlds import World


@pytest.fixture(autouse=True)
def both_recipes(world: World) -> Iterator[None]:
    """The recipes of both apps. What was compiled, a hundred megabytes, goes at the end."""
    desktops.add_recipes(world)
    yield
    for compiled in world.folder.glob("*-target"):
        shutil.rmtree(compiled)


@pytest.fixture
def home(home: World) -> World:
    """The recipes of both apps in a world with a short path."""
    desktops.add_recipes(home)
    return home


@pytest.fixture
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of its programs, first on PATH; no compiler cache, no flags and no git settings of a person's."""
    folder = wasm_toolchain.ready()
    for name in list(os.environ):
        if name in ("RUSTFLAGS", "RUSTC", "CI") or (name.startswith("CARGO_") and name != "CARGO_HOME"):
            monkeypatch.delenv(name)
    (tmp_path / "gitconfig").touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("RUSTC_WRAPPER", "")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder
