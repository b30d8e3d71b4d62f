"""What the tests of the desktop share: worlds with both apps, and the real toolchain for WebAssembly."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import desktops, wasm_toolchain
from support.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Both recipes, an empty mirror and an empty root."""
    yield desktops.desk(tmp_path)
    for compiled in tmp_path.glob("*-target"):  # a hundred megabytes that nobody looks at afterwards
        shutil.rmtree(compiled)


@pytest.fixture
def home() -> Iterator[World]:
    """The same with a short path, for sockets; its root is `hero` there, as in a person's home."""
    with tempfile.TemporaryDirectory(prefix="hero-") as folder:
        yield desktops.desk(Path(folder))


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
