"""What the tests of a module share: a browser, and a root with its server, where each test has an app of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support import cockpit
from support.rpc_server import RpcServer
from support.service_world import ServiceWorld, service_world


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with cockpit.browser() as started:
        yield started


@pytest.fixture(scope="module")
def shared() -> Iterator[ServiceWorld]:
    with service_world() as world:
        yield world


@pytest.fixture(scope="module")
def site(shared: ServiceWorld) -> Iterator[RpcServer]:
    """The server of `shared`."""
    with cockpit.serving(shared) as server:
        yield server
