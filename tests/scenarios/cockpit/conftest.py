"""One browser for the tests of a module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support import cockpit


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with cockpit.browser() as started:
        yield started
