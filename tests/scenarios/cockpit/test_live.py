"""Operations live on the server: a second tab, a reload, a lost connection and a killed server change nothing."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from support import cockpit
from support.processes import until
from support.rpc_server import RpcServer
from support.service_world import ServiceWorld

pytestmark = cockpit.marks
NAMES = ("notes_server", "notes_web")


def installed(stack: ServiceWorld, *, started: bool = True) -> None:
    stack.service("notes", *NAMES)
    stack.release_of("notes", "v1", "ok", *NAMES)
    stack.ok("install", "notes")
    if started:
        stack.ok("start", "notes")


def test_start_stop_restart_and_the_log(browser: Browser, stack: ServiceWorld) -> None:
    installed(stack)
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        cockpit.is_running(page, *NAMES)
        cockpit.press(page, "Stop notes_web")
        expect(cockpit.service(page, "notes_web").locator(".state")).to_have_text("Stopped")
        expect(cockpit.app(page, "notes").locator(".tally")).to_have_text("1 of 2 running")
        assert [item.binary for item in stack.running()] == ["notes_server"]
        before = stack.pid("notes_server")
        cockpit.press(page, "Restart notes_server")
        assert until(lambda: stack.pid("notes_server") not in (0, before))
        cockpit.is_running(page, "notes_server")
        cockpit.press(page, "Start notes_web")
        cockpit.is_running(page, *NAMES)
        cockpit.press(page, "Logs of notes_web")
        expect(page.locator("pre.log")).to_contain_text("notes_web v1 starts")


def test_a_reload_and_a_second_tab_show_the_same_operation(browser: Browser, stack: ServiceWorld) -> None:
    stack.service("notes", *NAMES)
    stack.release_of("notes", "v1", "bind-after:3000", *NAMES)
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        second = page.context.new_page()
        second.goto(page.url)
        cockpit.ready(second)
        cockpit.press(page, "Install notes")
        for tab in (page, second):
            expect(cockpit.app(tab, "notes").locator("progress")).to_be_visible()
        page.reload()
        expect(cockpit.app(page, "notes").locator("progress")).to_be_visible()
        for tab in (page, second):
            cockpit.is_running(tab, *NAMES)
            expect(cockpit.app(tab, "notes").locator("progress")).to_have_count(0)
        assert cockpit.states(page) == cockpit.states(second)


def test_the_server_is_killed_in_the_middle_and_comes_back(browser: Browser, stack: ServiceWorld) -> None:
    stack.service("notes", *NAMES)
    stack.release_of("notes", "v1", "bind-after:2000", *NAMES)
    with cockpit.serving(stack) as first, cockpit.opened(browser, first, offline=True) as page:
        cockpit.press(page, "Install notes")
        expect(cockpit.app(page, "notes").locator("progress")).to_be_visible()
        first.process.kill()
        expect(page.locator("#link")).to_have_text("Reconnecting")
        with cockpit.serving(stack, port=_port(first)):
            expect(page.locator("#link")).to_have_text("Live")
            cockpit.is_running(page, *NAMES)
            expect(cockpit.app(page, "notes").locator("progress")).to_have_count(0)
            expect(cockpit.app(page, "notes").locator(".failure")).to_have_count(0)


def test_what_commands_do_is_shown_too(browser: Browser, stack: ServiceWorld) -> None:
    """The page asks every two seconds for what changes without an operation."""
    installed(stack)
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        cockpit.is_running(page, *NAMES)
        every = page.evaluate(
            "fetch(document.scripts[0].src).then(r => r.text()).then(t => t.match(/EVERY = (\\d+)/)[1])"
        )
        assert int(every) <= 2000
        stack.ok("stop", "notes")
        expect(cockpit.app(page, "notes").locator(".tally")).to_have_text("stopped")
        stack.ok("uninstall", "notes")
        expect(cockpit.app(page, "notes").get_by_role("button", name="Install notes")).to_be_visible()


def test_an_upgrade_that_is_not_healthy_is_rolled_back(browser: Browser, stack: ServiceWorld) -> None:
    installed(stack)
    stack.release_of("notes", "v2", "exit:7", *NAMES)
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        cockpit.is_running(page, *NAMES)
        cockpit.press(page, "Upgrade to v2: notes")
        failure = cockpit.app(page, "notes").locator(".failure")
        expect(failure.locator(".cause")).to_contain_text("Upgrade failed.")
        cockpit.is_running(page, *NAMES)
        expect(cockpit.app(page, "notes").locator(".version")).to_have_text("v1")
        stack.release_of("notes", "v3", "ok", *NAMES)
        cockpit.press(page, "Retry: Upgrade notes")
        expect(cockpit.app(page, "notes").locator(".version")).to_have_text("v3")
        expect(failure).to_have_count(0)


def test_roll_back_history_and_uninstall(browser: Browser, stack: ServiceWorld) -> None:
    installed(stack)
    stack.release_of("notes", "v2", "ok", *NAMES)
    stack.ok("upgrade", "notes")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        card = cockpit.app(page, "notes")
        cockpit.press(page, "Roll back notes to v1")
        cockpit.press(page, "Roll back")
        expect(card.locator(".version")).to_have_text("v1")
        cockpit.press(page, "History")
        cockpit.press(page, "Files changed by generation 2")
        expect(page.locator("dialog td.changed").first).to_have_text("changed")
        cockpit.press(page, "Return to this generation, 2")
        cockpit.press(page, "Return")
        expect(card.locator(".version")).to_have_text("v2")
        cockpit.is_running(page, *NAMES)
        cockpit.press(page, "Uninstall notes")
        cockpit.press(page, "Uninstall")
        expect(card.get_by_role("button", name="Install notes")).to_be_visible()
        assert until(lambda: not stack.running())


def test_bytes_are_counted_while_they_arrive(browser: Browser, stack: ServiceWorld) -> None:
    """The steps of a transfer are the server's; the page shows the last one also after a reload."""
    stack.service("notes")
    stack.release_of("notes", "v1")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        seen = _texts(page)
        cockpit.press(page, "Install notes")
        cockpit.is_running(page, "notes_server")
        assert any(re.search(r"\d (k|M)?B", text) for text in seen()), seen()


@contextmanager
def http_server() -> Iterator[int]:
    """A page at a port of this machine."""

    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"hello from {self.path}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _texts(page: Page) -> Callable[[], list[str]]:
    """Collects what the progress of an app says, from now on."""
    page.evaluate(
        """() => {
            window.seen = [];
            const note = () => document.querySelectorAll('.progress').forEach(p => window.seen.push(p.textContent));
            new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    return lambda: page.evaluate("window.seen")


def _port(server: RpcServer) -> int:
    return int(re.findall(r":(\d+)/", server.url)[0])


def test_a_failed_download_stays_and_retry_installs(browser: Browser, stack: ServiceWorld) -> None:
    stack.service("notes")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        cockpit.press(page, "Install notes")
        failure = cockpit.app(page, "notes").locator(".failure")
        expect(failure.locator(".cause")).to_contain_text("Install failed.")
        page.reload()
        expect(failure).to_be_visible()
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        cockpit.press(page, "Copy report about notes")
        expect(page.locator("#toasts")).to_contain_text("The report is copied")
        report = page.evaluate("navigator.clipboard.readText()")
        assert report.startswith("hero-build: catalog.install of notes failed")
        stack.release_of("notes", "v1")
        cockpit.press(page, "Retry notes")
        cockpit.is_running(page, "notes_server")
        expect(failure).to_have_count(0)


def test_a_lost_connection_comes_back(browser: Browser, stack: ServiceWorld) -> None:
    installed(stack)
    with cockpit.serving(stack) as server, cockpit.opened(browser, server, offline=True) as page:
        cockpit.is_running(page, *NAMES)
        page.context.set_offline(offline=True)
        stack.ok("stop", "notes")
        assert set(cockpit.states(page).values()) == {"Running"}
        page.context.set_offline(offline=False)
        expect(cockpit.app(page, "notes").locator(".tally")).to_have_text("stopped")
        expect(page.locator("#link")).to_have_text("Live")


def test_the_address_of_a_service_opens(browser: Browser, stack: ServiceWorld) -> None:
    """At its port, or at hero_router's address of it; what listens there is a stand-in."""
    with http_server() as port:
        stack.service("notes", "notes_web", ports=(port,))
        stack.service("books", "books_server", "books_admin")
        stack.release_of("notes", "v1", "ok", "notes_web")
        stack.release_of("books", "v1", "ok", "books_server", "books_admin")
        stack.ok("install", "notes", "books")
        with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
            expect(page.get_by_role("link", name="Open")).to_have_count(1)
            opens(page, "Open notes_web", f"http://127.0.0.1:{port}/")
            stack.env_file("hero", f"HERO_ROUTER_URL=http://127.0.0.1:{port}/router\n")
            expect(page.get_by_role("link", name="Open")).to_have_count(2)
            opens(page, "Open books_admin", f"http://127.0.0.1:{port}/router/books/admin/")
            opens(page, "Open notes_web", f"http://127.0.0.1:{port}/")


def opens(page: Page, name: str, url: str) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=name).click()
    assert opened.value.url == url
    expect(opened.value.locator("body")).to_have_text(f"hello from {urlsplit(url).path}")


def test_a_banner_names_missing_islands(browser: Browser, stack: ServiceWorld) -> None:
    stack.service("hero_os")
    stack.release_of("hero_os", "v1")
    stack.ok("install", "hero_os")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        banner = page.get_by_role("note").filter(has_text="per-island WASM bundles not found")
        expect(banner).to_be_visible()
        banner.get_by_role("button", name="Install them").click()
        expect(cockpit.app(page, "hero_archipelagos").locator(".failure")).to_be_visible()
