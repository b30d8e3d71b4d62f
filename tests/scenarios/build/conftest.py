"""What the tests of source builds share: this machine's git and cargo without the habits of the person at it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import source_builds


@pytest.fixture(autouse=True)
def plain_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty ~/.gitconfig, no compiler cache, no flags."""
    (tmp_path / "gitconfig").touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in list(os.environ):
        if name in ("RUSTFLAGS", "CI") or (name.startswith("CARGO_") and name != "CARGO_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUSTC_WRAPPER", "")


@pytest.fixture
def spies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> source_builds.Spies:
    """git and cargo, watched."""
    created = source_builds.spies(tmp_path / "spies", "git", "cargo")
    monkeypatch.setenv("PATH", created.path())
    return created


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[source_builds.Gate]:
    """Open when the test ends, so that nothing waits for it any longer."""
    created = source_builds.Gate(tmp_path / "gate")
    created.folder.mkdir()
    yield created
    created.open()
