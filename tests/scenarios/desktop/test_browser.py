"""The whole of it: a desktop that runs gets its shell and its thirty islands, and a real browser shows each of them.

With DESKTOP_SCREENSHOT=docs/desktop.png the page is kept as a picture.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import browser, desktops, island_workspace, roots, worlds, zinit_crate
from support.browser import Page
from support.desktops import served
from support.ports import free_port
from support.processes import until
from support.rust_world import OWNER
from support.worlds import World

pytestmark = [
    *zinit_crate.marks,
    pytest.mark.usefixtures("toolchain"),
    pytest.mark.skipif(shutil.which("chromedriver") is None, reason="chromium and chromedriver are not installed"),
]
BUNDLES = [island_workspace.bundle(name) for name in island_workspace.NAMES]
SHOWN = {
    f"view-{island_workspace.bundle(name)}": island_workspace.rendered_text(name) for name in island_workspace.NAMES
}
CARDS = "return Object.fromEntries([...document.querySelectorAll('#desk div')].map(it => [it.id, it.textContent]))"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser.opened(tmp_path) as opened:
        yield opened


def test_a_browser_shows_every_island_of_the_installed_root(home: World, page: Page) -> None:
    """By the shipped recipes, from source, under zinit."""
    number = free_port()
    build(home, desktops.os_sources(home, f"{OWNER}/hero_os"), "install", "hero_os")
    with desktops.under_zinit(home, number):
        assert (served(number, "/"), served(number, "/hero_os_app.js")) == (200, 404)
        build(home, desktops.again(home, f"{OWNER}/hero_os", "os"), "shell", "--restart")
        assert shown(page, number) == "Error: /islands/islands.json answers 404"

        islands = desktops.sources(home, repo=f"{OWNER}/hero_archipelagos")
        build(home, islands, "islands", "--restart")
        assert desktops.there(home) == BUNDLES
        assert shown(page, number) == ""
        assert page.run("return [...document.querySelectorAll('#dock button')].map(it => it.id)") == [
            f"dock-{name}" for name in BUNDLES
        ]
        for name in BUNDLES:
            page.press(f"#dock-{name}")
        assert until(lambda: page.run("return document.body.dataset.opened") == str(len(BUNDLES)))
        assert page.run(CARDS) == SHOWN
        assert page.run("return document.querySelectorAll('.failed').length") == 0

        page.go(f"http://127.0.0.1:{number}/?open=all")
        assert until(lambda: page.run("return document.body.dataset.opened") == str(len(BUNDLES)))
        assert page.run(CARDS) == SHOWN
        keep(page.screenshot())
    assert {part["state"] for part in build(home, islands, "islands")["parts"]} == {"kept"}
    roots.settled(home.root)


def build(world: World, code: desktops.Code, *words: str) -> Any:
    done = world.run(*words, "--json", env={**code.environ, "HERO_RECIPES": ""})
    assert done.code == 0, done.err
    document = worlds.valid(done.document)
    assert (document["exit"], {part["used"] for part in document["parts"]}) == (0, {"source"}), document
    return document


def shown(page: Page, number: int) -> str:
    """What the desk says once the page has come to an end."""
    page.go(f"http://127.0.0.1:{number}/")
    state = "return document.body.dataset.state"
    assert until(lambda: page.run(state) is not None)
    return str(page.run("return document.getElementById('desk').textContent"))


def keep(picture: bytes) -> None:
    assert picture.startswith(b"\x89PNG")
    if place := os.environ.get("DESKTOP_SCREENSHOT"):
        (worlds.REPO / place).write_bytes(picture)
