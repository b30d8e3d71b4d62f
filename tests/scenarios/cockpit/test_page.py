"""What the page makes of text that is not its own, and whether everybody can use it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hero_build.server.cockpit import files
from support import axe, cockpit
from support.rpc_server import RpcServer
from support.service_world import ServiceWorld

pytestmark = cockpit.marks
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LONG_VERSION = f"v2.{'0123456789.' * 12}1"
HOSTILE = f'''"""evil: {SCRIPT}\x1b[31m \u202e `code` ${{7*7}} {{{{7*7}}}}"""

from msgspec.structs import replace

from hero_build.recipe import Recipe, server, web


class Evil(Recipe):
    repo = "o/evil"
    binaries = (server("evil_server"), web("evil_web"))
    needs = ("{SCRIPT}",)

    def services(self, ctx):
        return tuple(replace(item, start_timeout={cockpit.PATIENT}) for item in super().services(ctx))

    def url(self, ctx, service):
        return "javascript:alert(3)" if service.binary == "evil_server" else "http://127.0.0.1:1/%3Cscript%3E"
'''


@pytest.fixture(scope="module")
def shown(shared: ServiceWorld, site: RpcServer) -> RpcServer:
    """A server whose page has an app that runs, one that failed, and one whose recipe is broken."""
    needs = 'needs = ("failing", "hero_db")'
    shared.service("notes", "notes_server", "notes_web", attributes=needs, start_timeout=cockpit.PATIENT)
    shared.release_of("notes", "v1", "ok", "notes_server", "notes_web")
    assert site.result("catalog.install", name="notes")["after"] == 1
    shared.release_of("notes", LONG_VERSION, "ok", "notes_server", "notes_web")
    site.result("catalog.latest", refresh=True)
    shared.service("failing")
    shared.release_of("failing", "v1", "exit:3")
    assert "did not come up" in site.error("catalog.install", name="failing")["message"]
    (shared.recipes / "broken.py").write_text('"""broken: x"""\nraise ValueError("no")\n')
    (shared.recipes / "_sets.py").write_text('SETS = {"mine": ("notes", "hero_db")}\n')
    return site


def test_text_of_recipes_logs_and_errors_is_only_text(browser: Browser, shared: ServiceWorld, shown: RpcServer) -> None:
    (shared.recipes / "evil.py").write_text(HOSTILE)
    shared.release_of("evil", "v1", "ugly", "evil_server", "evil_web")
    shared.service("other", attributes=f"refuses = {SCRIPT!r}")
    with cockpit.opened(browser, shown) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        evil = cockpit.app(page, "evil")
        expect(evil.locator(".about")).to_contain_text(SCRIPT)
        expect(evil.locator(".needs")).to_contain_text(f"Needs {SCRIPT} (not installed)")
        expect(cockpit.app(page, "other").locator(".about")).to_have_text(SCRIPT)
        assert "\x1b" not in (evil.text_content() or "")
        cockpit.press(page, "Install evil")
        cockpit.is_running(page, "evil_server", "evil_web")
        links = evil.locator("[data-service] a")
        expect(links).to_have_count(1)
        assert links.get_attribute("href") == "http://127.0.0.1:1/%3Cscript%3E"
        assert links.get_attribute("rel") == "noopener noreferrer"
        log = next((shared.root.path / "var" / "log").glob("evil_server*.log"))
        with log.open("a") as file:
            file.write(f"{SCRIPT} \x1b[2J\x1b]0;title\x07 end\n")
        cockpit.press(page, "Logs of evil_server")
        expect(page.locator("pre.log")).to_contain_text(SCRIPT)
        assert "\x1b" not in (page.locator("pre.log").text_content() or "")
        assert page.locator("pre.log *").count() == 0
        assert page.locator("#apps img, #apps script").count() == 0


def test_a_broken_recipe_is_a_row_that_says_so(browser: Browser, shown: RpcServer) -> None:
    with cockpit.opened(browser, shown) as page:
        row = cockpit.app(page, "broken")
        expect(row.locator(".tag")).to_have_text("recipe broken")
        expect(row.locator(".about")).to_contain_text("ValueError: no")
        expect(row.get_by_role("button")).to_have_count(0)


def test_what_an_app_needs_is_on_its_row_and_its_card(browser: Browser, shared: ServiceWorld, shown: RpcServer) -> None:
    shared.service("client", attributes='needs = ("notes", "hero_db")')
    with cockpit.opened(browser, shown) as page:
        expect(cockpit.app(page, "client").locator(".needs")).to_have_text(" Needs notes, hero_db (not installed).")
        more = cockpit.app(page, "notes").locator(".more")
        expect(more).to_have_text("needs: failing (not running), hero_db (not installed)")


def test_filters_search_and_checks(browser: Browser, shown: RpcServer) -> None:
    with cockpit.opened(browser, shown) as page:
        rows = page.locator("[data-app]")
        page.get_by_role("button", name="@mine").click()
        expect(rows).to_have_count(2)
        page.get_by_label("Search apps").fill("key-value")
        expect(rows).to_have_count(1)
        page.get_by_label("Search apps").fill("nothing like it")
        expect(page.locator("#apps")).to_contain_text("No app matches.")
        page.get_by_role("button", name="Show all").click()
        expect(rows.first).to_be_visible()
        cockpit.press(page, "Checks")
        expect(page.locator(".checks")).to_contain_text("python")


def test_an_install_that_does_not_fit_is_refused_before_it_starts(
    browser: Browser, shared: ServiceWorld, shown: RpcServer
) -> None:
    shared.service("large")
    shared.release_of("large", "v1")
    (release,) = shared.mirror.rglob("large/**/release.json")
    document = json.loads(release.read_text())
    for asset in document["assets"]:
        asset["size"] = 10**15
    release.write_text(json.dumps(document))
    with cockpit.opened(browser, shown) as page:
        cockpit.press(page, "Install large")
        failure = cockpit.app(page, "large").locator(".failure")
        expect(failure).to_contain_text("would be downloaded")
        assert not shared.root.path.joinpath("bin", "large_server").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Browser, shown: RpcServer, scheme: str) -> None:
    with cockpit.opened(browser, shown, color_scheme=scheme) as page:
        cockpit.is_running(page, "notes_server")
        expect(cockpit.app(page, "failing").locator(".failure")).to_be_visible()
        assert axe.faults(page) == []
        for button in ("Logs of notes_web", "History", "Checks", "Uninstall notes", "Sign out"):
            cockpit.press(page, button)
            expect(page.locator("dialog")).to_be_visible()
            assert axe.faults(page) == [], button
            page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [320, 360, 768, 1280, 2560])
def test_it_fits(browser: Browser, shown: RpcServer, width: int) -> None:
    with cockpit.opened(browser, shown, viewport={"width": width, "height": 800}) as page:
        cockpit.is_running(page, "notes_server")
        expect(page.get_by_role("button", name=f"Upgrade to {LONG_VERSION}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert _outside(page, width) == []
        assert _overlapping(page) == []


def test_the_filter_is_seen_where_colors_are_forced(browser: Browser, shown: RpcServer) -> None:
    with cockpit.opened(browser, shown, forced_colors="active") as page:
        pressed, other = (page.locator(f'#filters [aria-pressed="{value}"]').first for value in ("true", "false"))
        color = "button => getComputedStyle(button).backgroundColor"
        assert pressed.evaluate(color) != other.evaluate(color)


def test_motion_is_reduced_where_a_person_asks_for_it(browser: Browser, shown: RpcServer) -> None:
    with cockpit.opened(browser, shown, reduced_motion="reduce") as page:
        script = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).animationName != 'none').length"
        assert page.evaluate(script) == 0
        durations = (
            "[...new Set([...document.querySelectorAll('button')].map(e => getComputedStyle(e).transitionDuration))]"
        )
        assert page.evaluate(durations) == ["0s"]


def test_the_files_are_in_the_wheel_folder() -> None:
    assert files.page_file("index.html") is not None
    assert files.page_file("../gate.py") is None
    assert files.total_bytes() < 60_000
    folder = Path(files.__file__).parent / "page"
    assert {path.suffix for path in folder.iterdir()} == {".html", ".css", ".js", ".svg"}


def _outside(page: Page, width: int) -> list[str]:
    """The text and the buttons that are not within the window."""
    scrolls = "#filters" if width < 760 else "#nothing"
    script = """([width, scrolls]) => [...document.querySelectorAll('button, a, h3, p, .name, .facts, .about, .needs')]
        .filter(item => !item.closest(scrolls) && !item.closest('.hidden') && !item.matches('.skip'))
        .map(item => [item.textContent, item.getBoundingClientRect()])
        .filter(([, box]) => box.left < 0 || box.right > width).map(([text]) => text)"""
    outside: list[str] = page.evaluate(script, [width, scrolls])
    return outside


def _overlapping(page: Page) -> list[str]:
    """The services whose state covers their name, with the longest that a state can be."""
    script = """rows => rows.map(row => {
        const state = row.querySelector('.state'), name = row.querySelector('.name'), text = state.textContent;
        state.textContent = 'Restarts too often';
        const range = document.createRange();
        range.selectNodeContents(state);
        const one = range.getBoundingClientRect(), other = name.getBoundingClientRect();
        state.textContent = text;
        const apart = one.right <= other.left || other.right <= one.left
            || one.bottom <= other.top || other.bottom <= one.top;
        return apart ? '' : row.dataset.service;
    }).filter(Boolean)"""
    rows: list[str] = page.locator("li[data-service]").evaluate_all(script)
    return rows
