"""The cockpit: how soon a browser shows 35 apps with sixty services, by its own clock."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.bench import Bench
from bench.result import HERO, Row, Target
from bench.service_root import ServiceRoot, apps, service_root

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_SHOWN = """new MutationObserver((_, observer) => {
  if (!('ready' in document.documentElement.dataset)) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.shownAfter = performance.now(); });
}).observe(document, {attributes: true, subtree: true, attributeFilter: ['data-ready']});"""
"""Since the navigation started, at the frame in which the apps are on the page."""


def rows(bench: Bench) -> list[Row]:
    from support import cockpit  # needs the browser

    with service_root(bench, apps(35, 25)) as root:
        root.run("start", "@bench")
        with _serving(root) as url, cockpit.browser() as browser:
            page = browser.new_page()
            page.goto(url)
            cockpit.ready(page)
            page.add_init_script(_SHOWN)
            again = tuple(_shown(page, url) for _ in range(bench.rounds))
            first = tuple(_first_visit(browser, page, url) for _ in range(bench.rounds))
    title = "35 apps with 60 services on the cockpit's page"
    note = "a page that is loaded anew, in a browser that has its files"
    cold = "a browser that loads the page's files, too: 58 kB, sent without compression"
    target = (Target(0.3),)
    return [
        Row("cockpit", title=title, unit="s", samples={HERO: again}, targets=target, notes=(note,)),
        Row("cockpit_first", title=f"{title}, first visit", unit="s", samples={HERO: first}, notes=(cold,)),
    ]


def _first_visit(browser: "Browser", signed_in: "Page", url: str) -> float:
    """In a browser with the session, and with none of the page's files."""
    context = browser.new_context(storage_state=signed_in.context.storage_state())
    try:
        page = context.new_page()
        page.add_init_script(_SHOWN)
        return _shown(page, url)
    finally:
        context.close()


def _shown(page: "Page", url: str) -> float:
    page.goto(url.partition("?")[0])
    while (after := page.evaluate("window.shownAfter ?? null")) is None:
        page.wait_for_timeout(20)
    assert page.locator("[data-app]").count() >= 35
    return float(after) / 1000


@contextmanager
def _serving(root: ServiceRoot) -> Iterator[str]:
    """The address of a cockpit."""
    command = root.command("serve", "--http", "127.0.0.1:0")
    pipe = subprocess.PIPE
    with subprocess.Popen(command.argv, env=command.env, cwd=command.cwd, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
