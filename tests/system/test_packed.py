"""What a hero-build knows of the pack that it came out of."""

import subprocess
from pathlib import Path

import pytest

import hero_build
from hero_build.system import packed


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unpacked tool, with this package and two folders of recipes."""
    (folder := tmp_path / "a tool").mkdir()
    (folder / "hero_build").symlink_to(Path(hero_build.__file__).parent)
    (folder / "hero.lock").write_text("{}")
    for name in ("001", "000"):
        (folder / "overlays" / name).mkdir(parents=True)
    monkeypatch.setattr(hero_build, "__file__", str(folder / "hero_build" / "__init__.py"))
    monkeypatch.setenv(packed.VARIABLE, "/media/stick/tester.pyz")
    return folder


def test_an_installed_hero_build_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(packed.VARIABLE, "/media/stick/tester.pyz")
    assert (packed.folder(), packed.file(), packed.lock(), packed.recipes()) == (None, None, None, ())
    assert packed.typed() == "hero-build"


def test_a_pack(tool: Path) -> None:
    assert (packed.folder(), packed.file()) == (str(tool), "/media/stick/tester.pyz")
    assert packed.lock() == str(tool / "hero.lock")
    assert [Path(folder).name for folder in packed.recipes()] == ["000", "001"]


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("./tester.pyz", "./tester.pyz"),
        ("/a b/tester.pyz", "'/a b/tester.pyz'"),
        ("tester.pyz", "sh tester.pyz"),
        ("/usr/local/bin/hero-build", "hero-build"),
    ],
)
def test_what_was_typed(tool: Path, monkeypatch: pytest.MonkeyPatch, name: str, typed: str) -> None:
    monkeypatch.setattr("sys.argv", [name, "install"])
    assert packed.typed() == typed


def test_a_module_is_run_from_the_tool(tool: Path) -> None:
    done = subprocess.run([*packed.python("hero_build"), "--version"], capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stdout) == (0, f"hero-build {hero_build.__version__}\n")
