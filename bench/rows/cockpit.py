"""The cockpit: how soon a browser shows 35 apps with sixty services, by its own clock."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.bench import Bench
from bench.kinds import BROWSER, LAYOUT, SCRIPT, SERVER
from bench.result import HERO, Row, Target
from bench.service_root import ServiceRoot, apps, service_root

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

Load = tuple[float, Mapping[str, float]]
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
            loads = [_shown(page, url) for _ in range(bench.rounds)]
            first_loads = [_first_visit(browser, page, url) for _ in range(bench.rounds)]
    title = "35 apps with 60 services on the cockpit's page"
    note = "a page that is loaded anew, in a browser that has its files"
    cold = "a browser that loads the page's files, too: 58 kB, sent without compression"
    target = (Target(0.3),)
    return [
        _row("cockpit", title, loads, targets=target, note=note),
        _row("cockpit_first", f"{title}, first visit", first_loads, targets=(), note=cold),
    ]


def _row(key: str, title: str, loads: "Sequence[Load]", *, targets: tuple[Target, ...], note: str) -> Row:
    samples = {HERO: tuple(seconds for seconds, _ in loads)}
    kinds = {kind: sum(load[kind] for _, load in loads) / len(loads) for kind in loads[0][1]}
    profile = {kind: round(took, 5) for kind, took in kinds.items()}
    notes = (note, "its bar is by the browser's own account")
    return Row(key, title=title, unit="s", samples=samples, targets=targets, notes=notes, profile=profile)


def _first_visit(browser: "Browser", signed_in: "Page", url: str) -> Load:
    """In a browser with the session, and with none of the page's files."""
    context = browser.new_context(storage_state=signed_in.context.storage_state())
    try:
        page = context.new_page()
        page.add_init_script(_SHOWN)
        return _shown(page, url)
    finally:
        context.close()


def _shown(page: "Page", url: str) -> Load:
    """How long it takes, and what of it the browser computes; the rest waits for the server."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _account(session)
    page.goto(url.partition("?")[0])
    while (after := page.evaluate("window.shownAfter ?? null")) is None:
        page.wait_for_timeout(20)
    used = {name: max(took - before[name], 0.0) for name, took in _account(session).items()}
    session.detach()
    assert page.locator("[data-app]").count() >= 35
    took = float(after) / 1000
    script, layout = used["ScriptDuration"], used["LayoutDuration"] + used["RecalcStyleDuration"]
    kinds = {SCRIPT: script, LAYOUT: layout, BROWSER: max(used["TaskDuration"] - script - layout, 0.0)}
    within = min(took / sum(kinds.values()), 1.0)  # it goes on a little after the apps are shown
    kinds = {kind: seconds * within for kind, seconds in kinds.items()}
    return took, {**kinds, SERVER: max(took - sum(kinds.values()), 0.0)}


def _account(session: "CDPSession") -> dict[str, float]:
    """The seconds that the page has spent on each kind of task so far."""
    return {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}


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
