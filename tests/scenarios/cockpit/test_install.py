"""An app that does not start is installed, broken, read about and repaired by mouse alone, and by keyboard alone."""

from playwright.sync_api import Browser, Page, expect

from support import cockpit
from support.service_world import ServiceWorld

pytestmark = cockpit.marks


def broken(stack: ServiceWorld) -> None:
    stack.service("notes", start_timeout=cockpit.PATIENT)
    stack.release_of("notes", "v1", "ok")
    stack.env_file("notes", "BEHAVIOUR=exit:3\n")


def repaired(stack: ServiceWorld) -> None:
    stack.env_file("notes", "")


def is_failed(page: Page) -> None:
    failure = cockpit.app(page, "notes").locator(".failure")
    expect(failure.locator(".cause")).to_contain_text("Install failed.")
    expect(failure.locator(".cause")).to_contain_text("notes_server did not come up")


def test_install_break_read_and_repair_by_mouse_alone(browser: Browser, stack: ServiceWorld) -> None:
    broken(stack)
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        _click(page, "Install notes")
        is_failed(page)
        expect(cockpit.service(page, "notes_server").locator(".state")).to_have_text("Down")
        _click(page, "Logs of notes_server")
        expect(page.locator("pre.log")).to_contain_text("I cannot run")
        _click(page, "Close")
        expect(page.locator("pre.log")).to_be_hidden()
        repaired(stack)
        _click(page, "Retry: Install notes")
        cockpit.is_running(page, "notes_server")
        expect(cockpit.app(page, "notes").locator(".failure")).to_have_count(0)


def test_install_break_read_and_repair_by_keyboard_alone(browser: Browser, stack: ServiceWorld) -> None:
    broken(stack)
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        page.keyboard.press("/")
        page.keyboard.type("notes")
        expect(cockpit.app(page, "hero_db")).to_have_count(0)
        cockpit.key(page, "Install notes")
        is_failed(page)
        expect(cockpit.app(page, "notes")).to_be_focused()
        cockpit.key(page, "Logs of notes_server")
        expect(page.locator("pre.log")).to_contain_text("I cannot run")
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Logs of notes_server")).to_be_focused()
        repaired(stack)
        cockpit.key(page, "Retry: Install notes", "Space")
        cockpit.is_running(page, "notes_server")


def _click(page: Page, label: str) -> None:
    """Where the button is, with the mouse and nothing else."""
    button = page.get_by_role("button", name=label, exact=True)
    expect(button).to_be_enabled()
    button.hover()  # waits until it stays at its place
    page.mouse.down()
    page.mouse.up()
