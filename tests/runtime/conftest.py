"""A machine for every test of runtime/."""

from pathlib import Path

import pytest

from hero_build.install.layout import Root
from runtime.daemons import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(Root(tmp_path / "hero"))
