"""A pack that would lack a module on one of its Pythons is refused when it is written."""

import importlib.metadata
from pathlib import Path

import pytest

from hero_build.errors import MissingTool
from hero_build.pack import wheels
from hero_build.pack.completeness import check_complete, imported
from hero_build.pack.starter import PYTHONS
from hero_build.pack.tool_archive import PACKAGE
from support.packs import CACHE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # may have to fetch wheels


@pytest.fixture
def folders(tmp_path: Path) -> dict[tuple[int, int], Path]:
    """The wheels for each Python, as links."""
    copies = {}
    for python in PYTHONS:
        copies[python] = tmp_path / "-".join(map(str, python))
        copies[python].mkdir()
        for wheel in wheels.download(CACHE, python).glob("*.whl"):
            (copies[python] / wheel.name).symlink_to(wheel)
    return copies


def test_what_pip_downloads_is_complete(folders: dict[tuple[int, int], Path]) -> None:
    check_complete(PACKAGE, folders)
    assert {"click", "httpx", "msgspec", "backports"} <= imported(PACKAGE)


@pytest.mark.parametrize("python", PYTHONS, ids=str)
@pytest.mark.parametrize("wheel", ["backports_zstd", "msgspec"])
def test_a_missing_module_is_named(folders: dict[tuple[int, int], Path], python: tuple[int, int], wheel: str) -> None:
    removed = [path for path in folders[python].iterdir() if path.name.startswith(wheel)]
    for path in removed:
        path.unlink()
    if not removed:
        assert (wheel, python) == ("backports_zstd", (3, 14)), "its standard library has it"
        return
    module = wheel.partition("_")[0]
    with pytest.raises(MissingTool, match=rf"lack {module} on Python {python[0]}\.{python[1]}:"):
        check_complete(PACKAGE, folders)


def test_old_metadata_of_a_checkout_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = wheels._pins((3, 11))
    requires = importlib.metadata.requires
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: [] if name == "hero-build" else requires(name))
    assert wheels._pins((3, 11)) == fresh
    assert any(pin.startswith("backports-zstd==") for pin in fresh)


def test_a_checkout_and_an_installed_copy_need_the_same_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip writes `gitpython` into the metadata of an installed copy, where pyproject.toml says GitPython."""
    pins, requires = wheels._pins((3, 11)), wheels._requires
    monkeypatch.setattr(wheels, "_requires", lambda name: [line.lower() for line in requires(name)])
    assert wheels._pins((3, 11)) == pins
    assert sum(pin.startswith(("typing-extensions", "typing_extensions")) for pin in pins) <= 1
