"""The exact warnings of missing desktop bundles."""

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


def warnings(root: Root) -> list[str]:
    return [_lines(item) for item in missing_bundles(root, manifest.load(root.path))]


def _lines(item: WarningRaised) -> str:
    return f"⚠ {item.text}\n{item.hint}"


def test_both_warnings_if_both_bundles_are_missing(root: Root) -> None:
    roots.install(root, "hero_os", "v1", "hero_os_server")
    assert warnings(root) == [ISLANDS, SHELL]


def test_no_warning_without_a_desktop(root: Root) -> None:
    assert warnings(root) == []
    roots.install(root, "hero_db", "v1")
    assert warnings(root) == []


def test_each_bundle_has_its_own_warning(root: Root) -> None:
    roots.install(root, "hero_os", "v1", "hero_os_server")
    shell, islands = root.place("share/hero_os/shell"), root.place("share/hero_os/islands")
    shell.mkdir(parents=True)
    assert warnings(root) == [ISLANDS, SHELL], "an empty folder serves nothing"
    (shell / "hero_os_app.js").touch()
    assert warnings(root) == [ISLANDS]
    islands.mkdir()
    (islands / "islands.json").write_text("[]")
    assert warnings(root) == [ISLANDS], "a list of none"
    (islands / "clock").mkdir()
    assert warnings(root) == []


def test_a_broken_link_counts_as_missing(root: Root) -> None:
    roots.install(root, "hero_os", "v1", "hero_os_server")
    place = root.place("share/hero_os/islands")
    place.parent.mkdir(parents=True)
    place.symlink_to("../../var/hero_build/current/share/hero_os/islands")
    assert ISLANDS in warnings(root)


def test_a_root_outside_of_the_home_is_shown_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = Root(tmp_path / "srv")
    roots.install(root, "hero_os", "v1", "hero_os_server")
    assert warnings(root)[0].startswith(
        f"⚠ per-island WASM bundles not found at {tmp_path}/srv/share/hero_os/islands\n"
    )
