"""The warnings of DESIGN section 8, word for word."""

from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.events import WarningRaised
from hero_build.install.layout import Root
from hero_build.queries.bundle_warnings import missing_bundles
from support import roots

ISLANDS = """\
⚠ per-island WASM bundles not found at ~/hero/share/hero_os/islands
  Dock items will 404 when clicked (the desktop shell still loads).
  Build + install them once:
    hero-build islands --restart"""
SHELL = """\
⚠ desktop shell WASM bundle not found at ~/hero/share/hero_os/shell
  The desktop will 404 when opened (the services still answer).
  Build + install it once:
    hero-build shell --restart"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    monkeypatch.setenv("HOME", str(tmp_path))
    return Root(tmp_path / "hero")


def told(root: Root) -> list[str]:
    return [_lines(item) for item in missing_bundles(root, manifest.load(root.path))]


def _lines(item: WarningRaised) -> str:
    return f"⚠ {item.text}\n{item.hint}"


def test_both_are_told_where_neither_is_there(root: Root) -> None:
    roots.install(root, "hero_os", "v1", "hero_os_server")
    assert told(root) == [ISLANDS, SHELL]


def test_nothing_is_told_of_a_root_without_a_desktop(root: Root) -> None:
    assert told(root) == []
    roots.install(root, "hero_db", "v1")
    assert told(root) == []


def test_each_is_told_by_itself(root: Root) -> None:
    roots.install(root, "hero_os", "v1", "hero_os_server")
    shell, islands = root.place("share/hero_os/shell"), root.place("share/hero_os/islands")
    shell.mkdir(parents=True)
    assert told(root) == [ISLANDS, SHELL], "an empty folder serves nothing"
    (shell / "hero_os_app.js").touch()
    assert told(root) == [ISLANDS]
    islands.mkdir()
    (islands / "islands.json").write_text("[]")
    assert told(root) == [ISLANDS], "a list of none"
    (islands / "clock").mkdir()
    assert told(root) == []


def test_a_link_that_leads_nowhere_is_no_folder(root: Root) -> None:
    roots.install(root, "hero_os", "v1", "hero_os_server")
    place = root.place("share/hero_os/islands")
    place.parent.mkdir(parents=True)
    place.symlink_to("../../var/hero_build/current/share/hero_os/islands")
    assert ISLANDS in told(root)


def test_a_root_outside_of_the_home_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = Root(tmp_path / "srv")
    roots.install(root, "hero_os", "v1", "hero_os_server")
    assert told(root)[0].startswith(f"⚠ per-island WASM bundles not found at {tmp_path}/srv/share/hero_os/islands\n")
