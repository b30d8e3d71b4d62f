"""The desktop's shell and islands: what is missing is a banner, whose button installs it."""

from playwright.sync_api import Browser, expect

from support import cockpit, desktops, mirrors
from support.service_world import ServiceWorld, program

pytestmark = cockpit.marks


def test_missing_islands_are_installed_from_the_banner(browser: Browser, stack: ServiceWorld) -> None:
    desktops.add_recipes(stack)
    shell = {"hero_os_app-wasm.tar.gz": desktops.archive(stack, "hero_os_app", "v1")}
    server_program = {mirrors.asset("hero_os_server"): program("hero_os_server", "v1")}
    mirrors.release(stack.mirror, app="hero_os", tag="v1", files={**server_program, **shell})
    stack.ok("install", "hero_os")
    stack.ok("shell")
    stack.ok("start", "hero_os")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        banner = page.get_by_role("note")
        expect(banner).to_contain_text("per-island WASM bundles not found")
        banner.get_by_role("button", name="Install them").click()
        expect(cockpit.app(page, "hero_archipelagos").locator(".failure")).to_be_visible()
        expect(banner).to_have_count(1)
        before = stack.pid("hero_os_server")
        desktops.islands(stack, "v1", "notes", "radio")
        banner.get_by_role("button", name="Install them").click()
        expect(banner).to_have_count(0)
        card = cockpit.app(page, "hero_archipelagos")
        expect(card).to_contain_text("notes, radio")
        expect(card.locator(".failure")).to_have_count(0)
        cockpit.is_running(page, "hero_os_server")
        assert desktops.there(stack) == ["notes", "radio"]
        assert stack.pid("hero_os_server") == before
