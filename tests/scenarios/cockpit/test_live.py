"""Operations live on the server: a second tab, a reload, a lost connection and a killed server change nothing."""

import os
import signal

import pytest
from playwright.sync_api import Browser, expect

from support import cockpit
from support.ports import free_port
from support.processes import until
from support.rpc_server import RpcServer
from support.service_world import ServiceWorld

pytestmark = cockpit.marks


def names(app: str) -> tuple[str, str]:
    return f"{app}_server", f"{app}_web"


def published(world: ServiceWorld, app: str, behaviour: str = "ok", version: str = "v1") -> None:
    world.service(app, *names(app), start_timeout=cockpit.PATIENT)
    world.release_of(app, version, behaviour, *names(app))


def running(world: ServiceWorld, app: str) -> list[str]:
    return sorted(item.binary for item in world.running() if item.binary.startswith(f"{app}_"))


@pytest.fixture
def app(request: pytest.FixtureRequest, shared: ServiceWorld, site: RpcServer) -> str:
    """An app of the test's own, which runs."""
    app = f"app{request.node.name.removeprefix('test').replace('_', '')[:16]}"
    published(shared, app)
    assert site.result("catalog.install", name=app)["after"]
    return app


def test_start_stop_restart_and_the_log(browser: Browser, shared: ServiceWorld, site: RpcServer, app: str) -> None:
    server, web = names(app)
    with cockpit.opened(browser, site) as page:
        cockpit.is_running(page, server, web)
        cockpit.press(page, f"Stop {web}")
        expect(cockpit.service(page, web).locator(".state")).to_have_text("Stopped")
        expect(cockpit.app(page, app).locator(".tally")).to_have_text("1 of 2 running")
        assert running(shared, app) == [server]
        before = shared.pid(server)
        cockpit.press(page, f"Restart {server}")
        assert until(lambda: shared.pid(server) not in (0, before))
        cockpit.is_running(page, server)
        cockpit.press(page, f"Start {web}")
        cockpit.is_running(page, server, web)
        cockpit.press(page, f"Logs of {web}")
        expect(page.locator("pre.log")).to_contain_text(f"{web} v1 starts")


def test_what_takes_long_to_stop_is_stopping_and_not_up(
    browser: Browser, shared: ServiceWorld, site: RpcServer
) -> None:
    shared.service("lasting", start_timeout=cockpit.PATIENT, stop_timeout=600.0)
    shared.release_of("lasting", "v1", "stop-after:500000")
    assert site.result("catalog.install", name="lasting")["after"]
    with cockpit.opened(browser, site) as page:
        row = cockpit.service(page, "lasting_server")
        cockpit.is_running(page, "lasting_server")
        expect(row).to_contain_text("up ")
        cockpit.press(page, "Stop lasting_server")
        expect(row.locator(".state")).to_have_text("Stopping")
        expect(cockpit.app(page, "lasting").locator(".tally")).to_have_text("stopping")
        expect(row).not_to_contain_text("up ")
        os.kill(shared.pid("lasting_server"), signal.SIGKILL)
        expect(row.locator(".state")).to_have_text("Stopped")


def test_a_reload_and_a_second_tab_show_the_same_operation(
    browser: Browser, shared: ServiceWorld, site: RpcServer
) -> None:
    published(shared, "slow", "bind-at-gate")
    with cockpit.opened(browser, site) as page:
        second = page.context.new_page()
        second.goto(page.url)
        cockpit.ready(second)
        cockpit.press(page, "Install slow")
        for tab in (page, second):
            expect(cockpit.app(tab, "slow").locator("progress")).to_be_visible()
        page.reload()
        expect(cockpit.app(page, "slow").locator("progress")).to_be_visible()
        shared.open_gate("slow")
        for tab in (page, second):
            cockpit.is_running(tab, *names("slow"))
            expect(cockpit.app(tab, "slow").locator("progress")).to_have_count(0)
        assert cockpit.states(page) == cockpit.states(second)


def test_what_commands_do_is_shown_too(browser: Browser, shared: ServiceWorld, site: RpcServer, app: str) -> None:
    """The page asks every two seconds for what changes without an operation."""
    with cockpit.opened(browser, site) as page:
        cockpit.is_running(page, *names(app))
        every = page.evaluate(
            "fetch(document.scripts[0].src).then(r => r.text()).then(t => t.match(/EVERY = (\\d+)/)[1])"
        )
        assert int(every) <= 2000
        shared.ok("stop", app)
        expect(cockpit.app(page, app).locator(".tally")).to_have_text("stopped")
        shared.ok("uninstall", app)
        expect(cockpit.app(page, app).get_by_role("button", name=f"Install {app}")).to_be_visible()


def test_an_upgrade_that_is_not_healthy_is_rolled_back(
    browser: Browser, shared: ServiceWorld, site: RpcServer, app: str
) -> None:
    shared.release_of(app, "v2", "exit:7", *names(app))
    site.result("catalog.latest", refresh=True)
    with cockpit.opened(browser, site) as page:
        cockpit.is_running(page, *names(app))
        cockpit.press(page, f"Upgrade to v2: {app}")
        failure = cockpit.app(page, app).locator(".failure")
        expect(failure.locator(".cause")).to_contain_text("Upgrade failed.")
        cockpit.is_running(page, *names(app))
        expect(cockpit.app(page, app).locator(".version")).to_have_text("v1")
        shared.release_of(app, "v3", "ok", *names(app))
        cockpit.press(page, f"Retry: Upgrade {app}")
        expect(cockpit.app(page, app).locator(".version")).to_have_text("v3")
        expect(failure).to_have_count(0)


def test_roll_back_history_and_uninstall(browser: Browser, shared: ServiceWorld, site: RpcServer, app: str) -> None:
    shared.release_of(app, "v2", "ok", *names(app))
    upgraded = site.result("service.upgrade", name=app)["after"]
    with cockpit.opened(browser, site) as page:
        card = cockpit.app(page, app)
        cockpit.press(page, f"Roll back {app} to v1")
        cockpit.press(page, "Roll back")
        expect(card.locator(".version")).to_have_text("v1")
        cockpit.press(page, "History")
        cockpit.press(page, f"Files changed by generation {upgraded}")
        expect(page.locator("dialog td.changed").first).to_have_text("changed")
        cockpit.press(page, f"Return to this generation, {upgraded}")
        cockpit.press(page, "Return")
        expect(card.locator(".version")).to_have_text("v2")
        cockpit.is_running(page, *names(app))
        cockpit.press(page, f"Stop {names(app)[1]}")
        expect(card.locator(".tally")).to_have_text("1 of 2 running")
        cockpit.press(page, f"Uninstall {app}")
        question = page.locator("dialog")
        expect(question).to_contain_text(f"{names(app)[0]} will be stopped, and the programs removed.")
        expect(question).to_contain_text("Data, logs and configuration stay.")
        cockpit.press(page, "Cancel")
        assert running(shared, app) == [names(app)[0]]
        cockpit.press(page, f"Uninstall {app}")
        cockpit.press(page, "Uninstall")
        expect(card.get_by_role("button", name=f"Install {app}")).to_be_visible()
        assert until(lambda: not running(shared, app))


def test_a_failed_download_stays_and_retry_installs(browser: Browser, shared: ServiceWorld, site: RpcServer) -> None:
    shared.service("lost", *names("lost"), start_timeout=cockpit.PATIENT)
    with cockpit.opened(browser, site) as page:
        cockpit.press(page, "Install lost")
        failure = cockpit.app(page, "lost").locator(".failure")
        expect(failure.locator(".cause")).to_contain_text("Install failed.")
        page.reload()
        expect(failure).to_be_visible()
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        cockpit.press(page, "Copy report about lost")
        expect(page.locator("#toasts")).to_contain_text("The report is copied")
        report = page.evaluate("navigator.clipboard.readText()")
        assert report.startswith("hero-build: catalog.install of lost failed")
        published(shared, "lost")
        cockpit.press(page, "Retry lost")
        cockpit.is_running(page, *names("lost"))
        expect(failure).to_have_count(0)


def test_a_lost_connection_comes_back(browser: Browser, site: RpcServer, app: str) -> None:
    with cockpit.opened(browser, site, offline=True) as page:
        cockpit.is_running(page, *names(app))
        page.context.set_offline(offline=True)
        site.result("service.stop", name=app)
        shown = cockpit.states(page)
        assert {shown[name] for name in names(app)} == {"Running"}
        page.context.set_offline(offline=False)
        expect(cockpit.app(page, app).locator(".tally")).to_have_text("stopped")
        expect(page.locator("#link")).to_have_text("Live")


def test_the_server_is_killed_in_the_middle_and_comes_back(browser: Browser, stack: ServiceWorld) -> None:
    published(stack, "notes", "bind-at-gate")
    port = free_port()
    phone = {"width": 360, "height": 640}
    with (
        cockpit.serving(stack, port=port) as first,
        cockpit.opened(browser, first, offline=True, viewport=phone) as page,
    ):
        cockpit.press(page, "Install notes")
        expect(cockpit.app(page, "notes").locator("progress")).to_be_visible()
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(page.locator("#link")).not_to_be_in_viewport()
        first.process.kill()
        expect(page.locator("#link")).to_have_text("Reconnecting")
        expect(page.locator("#link")).to_be_in_viewport()
        with cockpit.serving(stack, port=port):
            expect(page.locator("#link")).to_have_text("Live")
            stack.open_gate("notes")
            cockpit.is_running(page, *names("notes"))
            expect(cockpit.app(page, "notes").locator("progress")).to_have_count(0)
            expect(cockpit.app(page, "notes").locator(".failure")).to_have_count(0)


def test_the_address_of_a_service_opens(browser: Browser, stack: ServiceWorld) -> None:
    """At its port, or at hero_router's address of it, while it runs; what listens there is a stand-in."""
    port = free_port()
    stack.service("notes", "notes_web", ports=(port,), start_timeout=cockpit.PATIENT)
    stack.service("books", "books_server", "books_admin", start_timeout=cockpit.PATIENT)
    stack.release_of("notes", "v1", "ok", "notes_web")
    stack.release_of("books", "v1", "ok", "books_server", "books_admin")
    stack.ok("install", "notes", "books")
    stack.ok("start", "notes", "books")
    served = cockpit.serving(stack)
    with cockpit.stand_in(port), served as server, cockpit.opened(browser, server) as page:
        expect(page.get_by_role("link", name="Open")).to_have_count(1)
        cockpit.opens(page, "Open notes_web", f"http://127.0.0.1:{port}/")
        stack.env_file("hero", f"HERO_ROUTER_URL=http://127.0.0.1:{port}/router\n")
        expect(page.get_by_role("link", name="Open")).to_have_count(2)
        cockpit.opens(page, "Open books_admin", f"http://127.0.0.1:{port}/router/books/admin/")
        cockpit.opens(page, "Open notes_web", f"http://127.0.0.1:{port}/")
        cockpit.press(page, "Stop books_admin")
        expect(page.get_by_role("link", name="Open")).to_have_count(1)


def test_sign_out_leads_to_the_page_that_says_how_to_sign_in(browser: Browser, site: RpcServer) -> None:
    """In every tab of the browser; another one stays signed in."""
    with cockpit.opened(browser, site) as other, cockpit.opened(browser, site, offline=True) as page:
        second = page.context.new_page()
        second.goto(page.url)
        cockpit.ready(second)
        cockpit.press(page, "Sign out")
        page.locator("dialog").get_by_role("button", name="Sign out").click()
        for tab in (page, second):
            expect(tab.get_by_role("heading", name="This browser is not signed in")).to_be_visible()
        assert page.context.cookies() == []
        page.goto(cockpit.new_address(site))
        cockpit.ready(page)
        other.reload()
        cockpit.ready(other)
