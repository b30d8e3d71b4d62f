"""The cockpit in a real browser: Playwright drives Debian's Chromium; server, mirror and services are real.

with cockpit.opened(browser, server) as page: …
"""

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from support import rpc_server
from support.rpc_server import RpcServer
from support.worlds import World

CHROMIUM = shutil.which("chromium")
LONG = 240_000  # ms: far more than anything waited for takes, also on a machine that has much else to do
PATIENT = 120.0
"""The start timeout of services that come up, in seconds: on a busy machine that takes a while."""
marks = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
_SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"),
    *("--disable-default-apps", "--disable-domain-reliability", "--metrics-recording-only"),
]
_VIOLATIONS = "window.addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective))"
_EXPECTED = ("Failed to load resource", "net::ERR_")
"""What Chromium itself logs of requests to a server that has ended."""
expect.set_options(timeout=LONG)


@contextmanager
def browser() -> Iterator[Browser]:
    """One browser, for the tests of a module."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=_SWITCHES, timeout=LONG)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def serving(world: World, *, port: int = 0, env: Mapping[str, str] | None = None) -> Iterator[RpcServer]:
    """A server with a cockpit on a port that is free."""
    with rpc_server.serving(world, "--http", f"127.0.0.1:{port}", env=env) as server:
        yield server


@contextmanager
def opened(on: Browser, server: RpcServer, *, offline: bool = False, **context: object) -> Iterator[Page]:
    """A page that is signed in. At its end nothing was written to the console; `offline`: but lost connections."""
    session = on.new_context(**{"viewport": {"width": 1200, "height": 900}, **context})  # type: ignore[arg-type]
    session.set_default_timeout(LONG)
    try:
        page = session.new_page()
        problems = watch(page)
        page.goto(new_address(server))
        ready(page)
        yield page
        lost = [text for text in problems if offline and text.startswith(_EXPECTED)]
        assert [text for text in problems if text not in lost] == []
    finally:
        session.close()


def new_address(server: RpcServer) -> str:
    """One that nobody has used."""
    url: str = server.post("", target="/cockpit/address").document["url"]
    return url


def watch(page: Page) -> list[str]:
    """What a page writes to the console as an error or a warning, and every violation of its policy."""
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(f"{message.text} {message.location.get('url', '')}")

    page.add_init_script(_VIOLATIONS)
    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(f"uncaught {error}"))
    return problems


def ready(page: Page) -> None:
    """Wait until the catalog is shown."""
    page.wait_for_selector("html[data-ready]")


def app(page: Page, name: str) -> Locator:
    """The row or the card of an app."""
    return page.locator(f'[data-app="{name}"]')


def service(page: Page, name: str) -> Locator:
    return page.locator(f'li[data-service="{name}"]')


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def key(page: Page, label: str, key: str = "Enter") -> None:
    """Press Tab until the button of this name has the focus, then `key`."""
    names = "button => button.getAttribute('aria-label') ?? button.firstChild.textContent"
    page.wait_for_function(
        f"label => [...document.querySelectorAll('button:not([aria-disabled])')].map({names}).includes(label)",
        arg=label,
    )
    for _ in range(150):
        page.keyboard.press("Tab")
        if focused(page) == label:
            page.keyboard.press(key)
            return
    raise AssertionError(f"no Tab leads to {label!r}")


def focused(page: Page) -> str:
    """The name of what has the focus; empty where nothing has."""
    name: str = page.evaluate(
        """() => document.activeElement === document.body ? ''
        : document.activeElement.getAttribute('aria-label') ?? document.activeElement.firstChild?.textContent ?? '?'"""
    )
    return name


def is_running(page: Page, *names: str) -> None:
    """Wait until the page shows these services as running."""
    for name in names:
        expect(service(page, name).locator(".state")).to_have_text("Running")


def states(page: Page) -> Mapping[str, str]:
    """The services on the page with their states."""
    script = (
        "rows => Object.fromEntries(rows.map(row => [row.dataset.service, row.querySelector('.state').textContent]))"
    )
    shown: Mapping[str, str] = page.locator("li[data-service]").evaluate_all(script)
    return shown


@contextmanager
def stand_in(port: int) -> Iterator[None]:
    """An HTTP server that says which path was asked for: the services of these tests serve no page."""

    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"hello from {self.path}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Hello) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def opens(page: Page, name: str, url: str) -> None:
    """A link leads to that address of a stand-in, in a tab of its own."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=name).click()
    assert opened.value.url == url
    expect(opened.value.locator("body")).to_have_text(f"hello from {urlsplit(url).path}")


def screenshot(page: Page, path: Path) -> None:
    page.screenshot(path=path)
