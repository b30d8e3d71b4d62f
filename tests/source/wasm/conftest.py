"""Every test here runs with the real toolchain first on PATH."""

import pytest


@pytest.fixture(autouse=True)
def real_toolchain(plain_cargo: None) -> None:
    """See support.wasm_fixtures."""
