"""From a real forge: one click installs all of an app and starts it, and what failed is installed by Retry."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import uuid4

from playwright.sync_api import Browser, expect

from support import cockpit, mirrors
from support.forge_server import ForgeServer
from support.held_link import held_link
from support.ports import free_port
from support.service_world import ServiceWorld, program

pytestmark = cockpit.marks
NOTES = ("notes_server", "notes_web", "notes_admin")
LARGE = 6_000_000  # bytes


def files(version: str, *, wrong: bool = False) -> Mapping[str, bytes]:
    """The assets of a release; `wrong`: their digests are those of other files."""
    programs = {mirrors.asset(name): program(name, version) for name in NOTES}
    large = mirrors.asset("notes_web")
    programs[large] += bytes(LARGE - len(programs[large]))
    listed = {name: data + b"x" for name, data in programs.items()} if wrong else programs
    return {**programs, "SHA256SUMS": mirrors.sums(listed)}


def repository(forge: ForgeServer, stack: ServiceWorld, ports: tuple[int, ...] = ()) -> str:
    """The app's repository, and the recipe that names it."""
    repo = forge.create_repo(f"notes-{uuid4().hex[:8]}")
    stack.service("notes", *NOTES, attributes=f"repo = {repo!r}", ports=ports, start_timeout=cockpit.PATIENT)
    return repo


def test_one_click_installs_from_the_forge(browser: Browser, stack: ServiceWorld, forge_server: ForgeServer) -> None:
    """Bytes are counted while they arrive, also after a reload; then all services run, and the address of one opens."""
    address = urlsplit(forge_server.url)
    assert address.hostname
    assert address.port
    port = free_port()
    with held_link(address.hostname, address.port, after=LARGE // 2) as link:
        forge_server.release(repository(forge_server, stack, ports=(port,)), "v1", files("v1"))
        served = cockpit.serving(stack, env={"FORGEJO_URL": link.url})
        with served as server, cockpit.opened(browser, server) as page:
            expect(cockpit.app(page, "notes")).to_have_count(1)
            expect(cockpit.app(page, "notes").locator(".kinds")).to_have_text("server · web · admin")
            cockpit.press(page, "Install notes")
            arriving = cockpit.app(page, "notes").locator(".numbers")
            expect(arriving).to_contain_text(re.compile(r"[\d.]+ [kM]B of 7\.\d MB"))
            page.reload()
            expect(arriving).to_contain_text(re.compile(r"of 7\.\d MB"))
            expect(cockpit.service(page, "notes_server")).to_have_count(0)
            link.let_go()
            cockpit.is_running(page, *NOTES)
            card = cockpit.app(page, "notes")
            expect(card.locator(".version")).to_have_text("v1")
            expect(card.locator(".tally")).to_have_text("running")
            expect(page.locator("#place")).to_contain_text("generation 1")
            assert all(item["healthy"] for item in server.result("service.health", name="notes")["services"])
            assert {item.binary for item in stack.running()} == set(NOTES)
            with cockpit.stand_in(port):
                cockpit.opens(page, "Open notes_web", f"http://127.0.0.1:{port}/")


def test_an_install_that_failed_is_repaired_by_a_release_and_retry(
    browser: Browser, stack: ServiceWorld, forge_server: ForgeServer
) -> None:
    repo = repository(forge_server, stack)
    forge_server.release(repo, "v1", files("v1", wrong=True))
    served = cockpit.serving(stack, env={"FORGEJO_URL": forge_server.url})
    with served as server, cockpit.opened(browser, server) as page:
        cockpit.press(page, "Install notes")
        failure = cockpit.app(page, "notes").locator(".failure")
        expect(failure.locator(".cause")).to_contain_text("sha256")
        page.reload()
        expect(failure).to_be_visible()
        assert not stack.root.path.joinpath("bin", "notes_server").exists()
        forge_server.release(repo, "v2", files("v2"))
        cockpit.press(page, "Retry notes")
        cockpit.is_running(page, *NOTES)
        expect(failure).to_have_count(0)
        expect(cockpit.app(page, "notes").locator(".version")).to_have_text("v2")
