"""Write the screenshots of docs/cockpit.md from a page that runs: `python -m tools.cockpit_screenshots`.

Server, supervisor, services and browser are real, and end with the script; the apps are stand-ins that only serve.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

REPO = Path(__file__).parents[1]
sys.path.append(str(REPO / "tests"))  # for the helpers in tests/support

from support import cockpit  # noqa: E402
from support.rpc_server import RpcServer  # noqa: E402
from support.service_world import ServiceWorld  # noqa: E402

DOCS = REPO / "docs"
BOOKS = ("hero_books_server", "hero_books_web", "hero_books_admin")
DB = ("hero_db_server", "hero_db_admin", "hero_db")
VOICE = ("hero_voice_server", "hero_voice_web")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        stack = ServiceWorld(Path(folder))
        stack.mirror.mkdir()
        stack.recipes.mkdir()
        try:
            _installed(stack)
            with cockpit.serving(stack, env={"HOME": folder}) as server, cockpit.browser() as browser:
                _pictures(stack, server, browser)
        finally:
            stack.end()


def _installed(stack: ServiceWorld) -> None:
    ports = "def url(self, ctx, service):\n    return 'http://127.0.0.1:8080/' if 'web' in service.binary else ''"
    stack.service("hero_books", *BOOKS, methods=ports, attributes='needs = ("hero_db", "hero_embedder")')
    stack.service("hero_db", *DB)
    stack.service("hero_voice", *VOICE)
    for app, names in (("hero_books", BOOKS), ("hero_db", DB)):
        stack.release_of(app, "v0.3.1", "ok", *names)
        stack.ok("install", app)
        stack.ok("start", app)
    stack.release_of("hero_books", "v0.3.2", "ok", *BOOKS)
    stack.ok("upgrade", "hero_books")
    stack.release_of("hero_db", "v0.4.0", "ok", *DB)
    stack.ok("stop", "hero_db/hero_db_admin")
    for path, text in (("hero_books", "documents and their librarian."), ("hero_db", "the Hero key-value store.")):
        recipe = stack.recipes / f"{path}.py"
        recipe.write_text(recipe.read_text().replace("a test app with services.", text))
    voice = stack.recipes / "hero_voice.py"
    voice.write_text(voice.read_text().replace("a test app with services.", "voice; it brings ONNX Runtime."))


def _pictures(stack: ServiceWorld, server: RpcServer, browser: Browser) -> None:
    with cockpit.opened(browser, server, viewport={"width": 1200, "height": 860}) as page:
        _shot(page, "desktop")
        page.emulate_media(color_scheme="dark")
        _shot(page, "dark")
        page.emulate_media(color_scheme="light")
        stack.release_of("hero_voice", "v1.0.0", "exit:3", *VOICE)
        cockpit.press(page, "Install hero_voice")
        expect(cockpit.app(page, "hero_voice").locator(".failure")).to_be_visible()
        cockpit.app(page, "hero_voice").scroll_into_view_if_needed()
        _shot(page, "failure")
        state = page.context.storage_state()
    size = {"width": 390, "height": 844}
    phone = cockpit.opened(browser, server, storage_state=state, viewport=size, has_touch=True, is_mobile=True)
    with phone as page:
        _shot(page, "phone")


def _shot(page: Page, name: str) -> None:
    page.wait_for_timeout(300)  # what moves comes to rest
    path = DOCS / f"cockpit-{name}.png"
    page.screenshot(path=path)
    sys.stdout.write(f"{path.relative_to(REPO)}\n")


if __name__ == "__main__":
    main()
