"""Every control by keyboard alone: each is reached with Tab, and no change of the page loses the focus."""

from playwright.sync_api import Browser, Page, expect

from support import cockpit
from support.rpc_server import RpcServer
from support.service_world import ServiceWorld

pytestmark = cockpit.marks
SERVER, WEB = NAMES = ("keys_server", "keys_web")


def test_every_control_by_keyboard_alone(browser: Browser, shared: ServiceWorld, site: RpcServer) -> None:
    shared.service("keys", *NAMES, start_timeout=cockpit.PATIENT)
    shared.release_of("keys", "v1", "ok", *NAMES)
    (shared.recipes / "_sets.py").write_text('SETS = {"mine": ("keys",)}\n')
    with cockpit.opened(browser, site) as page:
        page.keyboard.press("Tab")
        assert cockpit.focused(page) == "Skip to the apps"
        page.keyboard.press("Enter")
        expect(page.locator("#apps")).to_be_focused()
        _search_and_sets(page)
        cockpit.key(page, "Install keys")
        cockpit.is_running(page, *NAMES)
        _is_in_app(page)
        _services(page)
        _log(page)
        _upgrade_and_roll_back(page, shared, site)
        _history_and_checks(page)
        _uninstall(page)
        _answers_no(page, "Sign out")


def _search_and_sets(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("no app has it")
    cockpit.key(page, "Show all")
    expect(page.get_by_label("Search apps")).to_be_focused()
    page.keyboard.type("keys")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Search apps")).to_be_focused()
    expect(page.get_by_label("Search apps")).to_have_value("")
    cockpit.key(page, "@mine", "Space")
    expect(page.locator("[data-app]")).to_have_count(1)
    expect(page.get_by_role("button", name="@mine")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="@mine")).to_be_focused()


def _services(page: Page) -> None:
    cockpit.key(page, f"Stop {WEB}", "Space")
    expect(cockpit.service(page, WEB).locator(".state")).to_have_text("Stopped")
    _is_in_app(page)
    cockpit.key(page, f"Restart {SERVER}")
    cockpit.is_running(page, SERVER)
    cockpit.key(page, f"Start {WEB}")
    cockpit.is_running(page, *NAMES)
    cockpit.key(page, "Restart all services of keys")
    _is_in_app(page)
    cockpit.is_running(page, *NAMES)
    for name in NAMES:
        cockpit.key(page, f"Stop {name}")
        expect(cockpit.service(page, name).locator(".state")).to_have_text("Stopped")
    cockpit.key(page, "Start all services of keys")
    cockpit.is_running(page, *NAMES)
    _is_in_app(page)


def _log(page: Page) -> None:
    cockpit.key(page, f"Logs of {WEB}")
    expect(page.get_by_role("region", name=f"Log of {WEB}")).to_be_focused()
    expect(page.locator("pre.log")).to_contain_text(f"{WEB} v1 starts")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("Follow")).not_to_be_checked()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name=f"Logs of {WEB}")).to_be_focused()


def _upgrade_and_roll_back(page: Page, shared: ServiceWorld, site: RpcServer) -> None:
    shared.release_of("keys", "v2", "ok", *NAMES)
    site.result("catalog.latest", refresh=True)
    page.reload()
    cockpit.key(page, "Upgrade to v2: keys")
    version = cockpit.app(page, "keys").locator(".version")
    expect(version).to_have_text("v2")
    expect(cockpit.app(page, "keys").locator("progress")).to_have_count(0)
    _is_in_app(page)
    _answers_no(page, "Roll back keys to v1")
    cockpit.key(page, "Roll back keys to v1")
    cockpit.key(page, "Roll back")
    expect(version).to_have_text("v1")
    expect(cockpit.app(page, "keys").locator("progress")).to_have_count(0)
    _is_in_app(page)


def _history_and_checks(page: Page) -> None:
    cockpit.key(page, "History")
    files = page.get_by_role("button", name="Files changed by generation 2", exact=True)
    for expanded in ("true", "false"):
        cockpit.key(page, "Files changed by generation 2")
        expect(files).to_have_attribute("aria-expanded", expanded)
        expect(page.locator("dialog td.changed")).to_have_count(2 if expanded == "true" else 0)
    cockpit.key(page, "Return to this generation, 2")
    cockpit.key(page, "Return")
    expect(cockpit.app(page, "keys").locator(".version")).to_have_text("v2")
    expect(page.get_by_role("button", name="History")).to_be_focused()
    cockpit.key(page, "Checks")
    expect(page.locator(".checks")).to_contain_text("python")
    cockpit.key(page, "Close")
    expect(page.get_by_role("button", name="Checks")).to_be_focused()


def _uninstall(page: Page) -> None:
    expect(cockpit.app(page, "keys").locator("progress, .activity")).to_have_count(0)
    _answers_no(page, "Uninstall keys")
    cockpit.key(page, "Uninstall keys")
    cockpit.key(page, "Uninstall")
    expect(page.get_by_role("button", name="Install keys")).to_be_visible()
    _is_in_app(page)


def _answers_no(page: Page, label: str) -> None:
    """A question is asked, Cancel is the answer of an Enter that is held down, and Escape is another one."""
    for key in ("Enter", "Escape"):
        cockpit.key(page, label)
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press(key)
        expect(page.locator("dialog")).to_be_hidden()
        expect(page.get_by_role("button", name=label, exact=True)).to_be_focused()


def _is_in_app(page: Page) -> None:
    """The focus is on the app, or on what belongs to it."""
    assert page.evaluate("document.activeElement.closest('[data-app]')?.dataset.app") == "keys"


def test_what_others_change_leaves_the_focus(browser: Browser, shared: ServiceWorld, site: RpcServer) -> None:
    """On its control; where that is gone, on its app; and where a dialog was, on the page."""
    for app in ("first", "second"):
        shared.service(app, start_timeout=cockpit.PATIENT)
        shared.release_of(app, "v1")
        assert site.result("catalog.install", name=app)["after"]
    with cockpit.opened(browser, site) as page:
        cockpit.is_running(page, "first_server", "second_server")
        cockpit.key(page, "Logs of second_server")
        page.keyboard.press("Escape")
        site.result("service.delete", name="first", purge_binaries=True)
        expect(page.get_by_role("button", name="Install first")).to_be_visible()
        expect(page.get_by_role("button", name="Logs of second_server")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("pre.log")).to_contain_text("starts")
        site.result("service.delete", name="second", purge_binaries=True)
        expect(cockpit.app(page, "second").locator(".version")).to_have_count(0)
        page.keyboard.press("Escape")
        expect(cockpit.app(page, "second")).to_be_focused()
