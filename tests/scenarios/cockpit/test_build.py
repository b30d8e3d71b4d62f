"""An app without a release is built by a real cargo: crates while it compiles, the last lines of what does not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from support import cockpit, rust_crates, source_builds
from support.service_world import ServiceWorld
from support.source_builds import BROKEN, COMPILES, GATED_APP, Gate

pytestmark = [*cockpit.marks, pytest.mark.timeout(4 * COMPILES)]
BUILT = 1000.0 * COMPILES  # ms


@pytest.fixture
def gate(tmp_path: Path, stack: ServiceWorld) -> Iterator[Gate]:
    """Open when the test ends, so that no build waits for it any longer."""
    created = Gate(tmp_path)
    yield created
    created.open()


def test_crates_are_counted_while_it_compiles(browser: Browser, stack: ServiceWorld, gate: Gate) -> None:
    source_builds.add_app(stack, files=GATED_APP)
    with cockpit.serving(stack, env=gate.environ) as server, cockpit.opened(browser, server) as page:
        cockpit.press(page, "Install app")
        gate.reached()
        activity = cockpit.app(page, "app").locator(".activity")
        expect(activity).to_contain_text(re.compile(r"Compiling .*\d+ (of \d+ )?crate"))
        page.reload()
        expect(activity).to_contain_text("Compiling")
        gate.open()
        expect(cockpit.app(page, "app").locator(".tag")).to_have_text("built here", timeout=BUILT)
        assert stack.root.path.joinpath("bin", "app").exists()


def test_what_does_not_compile_shows_the_last_lines(browser: Browser, stack: ServiceWorld) -> None:
    upstream = source_builds.add_app(stack, files={**rust_crates.APP, "src/bin/app.rs": BROKEN})
    with cockpit.serving(stack) as server, cockpit.opened(browser, server) as page:
        cockpit.press(page, "Install app")
        failure = cockpit.app(page, "app").locator(".failure")
        expect(failure.locator(".tail")).to_contain_text("cannot find value `words`", timeout=BUILT)
        upstream.commit({"src/bin/app.rs": rust_crates.program("app")})
        stack.ok("install", "app", "--update")
        expect(cockpit.app(page, "app").locator(".version")).not_to_be_empty()
        expect(failure).to_have_count(0)
