"""What the page makes of text that is not its own, and whether everybody can use it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support import axe, cockpit
from support.service_world import ServiceWorld

pytestmark = cockpit.marks
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
HOSTILE = f'''"""evil: {SCRIPT}\x1b[31m \u202e `code` ${{7*7}} {{{{7*7}}}}"""

from msgspec.structs import replace

from hero_build.recipe import Recipe, server, web


class Evil(Recipe):
    repo = "o/evil"
    binaries = (server("evil_server"), web("evil_web"))

    def services(self, ctx):
        return tuple(replace(item, start_timeout=5.0) for item in super().services(ctx))

    def url(self, ctx, service):
        return "javascript:alert(3)" if service.binary == "evil_server" else "http://127.0.0.1:1/%3Cscript%3E"
'''


def test_text_of_recipes_logs_and_errors_is_only_text(browser: Browser, stack: ServiceWorld) -> None:
    (stack.recipes / "evil.py").write_text(HOSTILE)
    stack.release_of("evil", "v1", "ugly", "evil_server", "evil_web")
    stack.service("other", attributes=f"refuses = {SCRIPT!r}")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        expect(cockpit.app(page, "evil").locator(".about")).to_contain_text(SCRIPT)
        expect(cockpit.app(page, "other").locator(".about")).to_have_text(SCRIPT)
        assert "\x1b" not in (cockpit.app(page, "evil").text_content() or "")
        cockpit.press(page, "Install evil")
        cockpit.is_running(page, "evil_server", "evil_web")
        links = page.locator("[data-service] a")
        expect(links).to_have_count(1)
        assert links.get_attribute("href") == "http://127.0.0.1:1/%3Cscript%3E"
        assert links.get_attribute("rel") == "noopener noreferrer"
        log = next((stack.root.path / "var" / "log").glob("evil_server*.log"))
        with log.open("a") as file:
            file.write(f"{SCRIPT} \x1b[2J\x1b]0;title\x07 end\n")
        cockpit.press(page, "Logs of evil_server")
        expect(page.locator("pre.log")).to_contain_text(SCRIPT)
        assert "\x1b" not in (page.locator("pre.log").text_content() or "")
        assert page.locator("pre.log *").count() == 0
        assert page.locator("#apps img, #apps script").count() == 0


def test_a_broken_recipe_is_a_row_that_says_so(browser: Browser, stack: ServiceWorld) -> None:
    (stack.recipes / "broken.py").write_text('"""broken: x"""\nraise ValueError("no")\n')
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        row = cockpit.app(page, "broken")
        expect(row.locator(".tag")).to_have_text("recipe broken")
        expect(row.locator(".about")).to_contain_text("ValueError: no")
        expect(row.get_by_role("button")).to_have_count(0)


def test_filters_search_and_checks(browser: Browser, stack: ServiceWorld) -> None:
    stack.service("notes")
    (stack.recipes / "_sets.py").write_text('SETS = {"mine": ("notes", "hero_db")}\n')
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
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


def test_a_service_that_no_app_owns_is_listed_apart(browser: Browser, stack: ServiceWorld) -> None:
    from support.supervised import Supervised

    Supervised(stack.supervisor, stack.root).run("stranger")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        section = page.get_by_role("region", name="Not installed by hero-build")
        expect(section.locator("li")).to_have_count(1)
        expect(section).to_contain_text("stranger")


def test_an_install_that_does_not_fit_is_refused_before_it_starts(browser: Browser, stack: ServiceWorld) -> None:
    stack.service("notes")
    stack.release_of("notes", "v1")
    release = next(stack.mirror.rglob("release.json"))
    import json

    document = json.loads(release.read_text())
    for asset in document["assets"]:
        asset["size"] = 10**15
    release.write_text(json.dumps(document))
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        cockpit.press(page, "Install notes")
        failure = cockpit.app(page, "notes").locator(".failure")
        expect(failure).to_contain_text("would be downloaded")
        assert not stack.root.path.joinpath("bin").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Browser, stack: ServiceWorld, scheme: str) -> None:
    stack.service("notes", "notes_server", "notes_web")
    stack.release_of("notes", "v1", "ok", "notes_server", "notes_web")
    stack.service("broken")
    stack.release_of("broken", "v1", "exit:3")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server, color_scheme=scheme) as page:
        cockpit.press(page, "Install notes")
        cockpit.press(page, "Install broken")
        cockpit.is_running(page, "notes_server")
        expect(cockpit.app(page, "broken").locator(".failure")).to_be_visible()
        assert axe.faults(page) == []
        for button in ("Logs of notes_web", "History", "Checks", "Uninstall notes"):
            cockpit.press(page, button)
            expect(page.locator("dialog")).to_be_visible()
            assert axe.faults(page) == [], button
            page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_it_fits(browser: Browser, stack: ServiceWorld, width: int) -> None:
    stack.install("notes")
    stack.ok("start", "notes")
    size = {"width": width, "height": 800}
    with cockpit.serving(stack) as server, cockpit.opened(browser, server, viewport=size) as page:
        cockpit.is_running(page, "notes_server")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        _inside(page, width)


def test_motion_is_reduced_where_a_person_asks_for_it(browser: Browser, stack: ServiceWorld) -> None:
    stack.service("notes")
    with cockpit.serving(stack) as server, cockpit.opened(browser, server, reduced_motion="reduce") as page:
        script = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).animationName != 'none').length"
        assert page.evaluate(script) == 0
        durations = (
            "[...new Set([...document.querySelectorAll('button')].map(e => getComputedStyle(e).transitionDuration))]"
        )
        assert page.evaluate(durations) == ["0s"]


def test_the_files_are_in_the_wheel_folder() -> None:
    from hero_build.server.cockpit import files

    assert files.page_file("index.html") is not None
    assert files.page_file("../gate.py") is None
    assert files.total_bytes() < 60_000
    assert {path.suffix for path in (Path(files.__file__).parent / "page").iterdir()} == {
        ".html",
        ".css",
        ".js",
        ".svg",
    }


def _inside(page: Page, width: int) -> None:
    """Every button is within the window."""
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert (
            box is None or (box["x"] >= 0 and box["x"] + box["width"] <= width) or _scrolls(page, button.text_content())
        )


def _scrolls(page: Page, text: str | None) -> bool:
    """The filters may scroll sideways."""
    return text in page.locator("#filters button").all_text_contents()
