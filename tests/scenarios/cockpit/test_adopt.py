"""A service that a supervisor runs and no installed app owns is listed apart, and an app is installed in its place."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support import cockpit
from support.processes import alive, until
from support.rpc_server import RpcServer, serving
from support.service_world import ServiceWorld
from support.supervised import Supervised

pytestmark = cockpit.marks


@pytest.fixture
def foreign(stack: ServiceWorld) -> Supervised:
    """A supervisor that runs somebody's `notes_server`; the app `notes` has a program of that name."""
    stack.service("notes", start_timeout=cockpit.PATIENT)
    supervised = Supervised(stack.supervisor, stack.root)
    supervised.run("notes_server", env={"WHOSE": "somebody's"})
    supervised.wait("notes_server", "running")
    return supervised


def strangers(page: Page) -> Locator:
    return page.get_by_role("region", name="Not installed by hero-build").locator("li")


def adopt(page: Page, service: str) -> None:
    cockpit.press(page, f"Adopt {service}: install notes")
    expect(page.locator("dialog")).to_contain_text(f"{service} is stopped in supervisord")
    cockpit.press(page, "Adopt")


def test_adopt_runs_the_app_in_place_of_the_service(browser: Browser, stack: ServiceWorld, foreign: Supervised) -> None:
    foreign.run("unknown")
    stack.release_of("notes", "v1")
    before = foreign.pid("notes_server")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        expect(strangers(page)).to_have_count(2)
        expect(strangers(page).filter(has_text="unknown").get_by_role("button")).to_have_count(0)
        adopt(page, "notes_server")
        cockpit.is_running(page, "notes_server")
        expect(cockpit.app(page, "notes").locator(".version")).to_have_text("v1")
        expect(strangers(page)).to_have_count(1)
        expect(strangers(page)).to_contain_text("unknown")
    assert not alive(before)
    assert foreign.executable("notes_server").endswith("/bin/notes_server")


def test_a_failing_adopt_leaves_the_service_running(browser: Browser, stack: ServiceWorld, foreign: Supervised) -> None:
    stack.release_of("notes", "v1")
    stack.env_file("notes", "BEHAVIOUR=exit:3\n")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        adopt(page, "notes_server")
        failure = cockpit.app(page, "notes").locator(".failure")
        expect(failure.locator(".cause")).to_contain_text("Adoption failed. notes_server did not come up")
        expect(failure.locator(".hint")).to_contain_text("notes_server is as it was")
        expect(failure.locator(".tail")).to_contain_text("I cannot run")
        expect(strangers(page).locator(".state")).to_have_text("Running")
        expect(cockpit.service(page, "notes_server")).to_have_count(0)
        assert until(lambda: foreign.executable("notes_server").endswith("/sleep"))
        assert not stack.root.path.joinpath("bin", "notes_server").exists()
        stack.env_file("notes", "")
        cockpit.press(page, "Retry notes")
        cockpit.is_running(page, "notes_server")
        expect(strangers(page)).to_have_count(0)
        expect(failure).to_have_count(0)


@pytest.fixture
def server(stack: ServiceWorld) -> Iterator[RpcServer]:
    with serving(stack) as started:
        yield started


def listed(server: RpcServer) -> list[tuple[str, str | None]]:
    return [(item["name"], item["app"]) for item in server.result("catalog.list")["foreign"]]


def test_what_cannot_be_installed_stops_nothing(stack: ServiceWorld, foreign: Supervised, server: RpcServer) -> None:
    before = foreign.pid("notes_server")
    request = {"name": "notes", "service": "notes_server", "supervisor": "supervisord"}
    assert server.error("catalog.adopt", **request)["message"]
    assert foreign.pid("notes_server") == before
    stack.release_of("notes", "v1")
    for changed, code in (({"service": "nothing"}, -32001), ({"supervisor": "zinit"}, -32001), ({"name": "x"}, -32001)):
        assert server.error("catalog.adopt", **request | changed)["code"] == code
    assert foreign.pid("notes_server") == before
    assert listed(server) == [("notes_server", "notes")]
    assert not stack.root.path.joinpath("bin", "notes_server").exists()


def test_a_service_of_another_name_is_forgotten_once_the_app_runs(
    stack: ServiceWorld, foreign: Supervised, server: RpcServer
) -> None:
    foreign.run("notes")
    assert ("notes", "notes") in listed(server)
    stack.release_of("notes", "v1")
    request = {"service": "notes", "supervisor": "supervisord"}
    stack.env_file("notes", "BEHAVIOUR=exit:3\n")
    assert "did not come up" in server.error("catalog.adopt", name="notes", **request)["message"]
    for name in ("notes", "notes_server"):
        foreign.wait(name, "running")
        assert not foreign.executable(name).endswith("/bin/notes_server")
    stack.env_file("notes", "")
    assert server.result("catalog.adopt", name="notes", **request)["after"] == 3
    assert until(lambda: [item.binary for item in stack.running()] == ["notes_server"])
    assert foreign.supervisor.services() == ("notes_server",)
    assert server.error("catalog.adopt", name="notes", **request | {"service": "notes_server"})["code"] == -32602
    assert until(lambda: listed(server) == [])
