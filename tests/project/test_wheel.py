"""What `pip install .` installs: the package, its recipes, its command and its manual pages, and nothing else."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

CHECKOUT = Path(__file__).parents[2]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, str(CHECKOUT)]
        subprocess.run(command, check=True, capture_output=True)
        (built,) = Path(folder).glob("*.whl")
        yield built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with the wheel's content, as pip lays it out."""
    target = wheel.parent / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", target, wheel], check=True)
    return target


def _python(code: str, installed: Path, *argv: str) -> str:
    """The output of `code` where the installed package is the only hero_build there is."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(installed.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], env=env, cwd=installed.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    beside = {name.split("/", 1)[1] for name in names if ".data/" in name}
    assert beside == {f"data/share/man/man1/{path.name}" for path in (CHECKOUT / "docs" / "man").iterdir()}
    within = {name.split("/")[0] for name in names if ".dist-info/" not in name and ".data/" not in name}
    assert within == {"hero_build"}
    assert "hero_build/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_every_recipe_is_shipped(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("hero_build/recipes/")}
    assert names == {f"hero_build/recipes/{path.name}" for path in (CHECKOUT / "recipes").glob("*.py")}
    assert "hero_build/recipes/hero_db.py" in names


def test_the_installed_package_finds_its_own_recipes(installed: Path) -> None:
    code = "from hero_build.catalog import loader; print(loader.shipped()); print(*loader.load(()).names())"
    folder, names = _python(code, installed).splitlines()
    assert Path(folder) == (installed / "hero_build" / "recipes").resolve()
    assert set(names.split()) >= {"hero_db", "hero_proc", "hero_router", "zinit"}


def test_the_command_runs_from_the_installed_package(installed: Path) -> None:
    code = "import sys; sys.argv[0] = 'hero-build'; from hero_build.cli import run; run()"
    assert "hero_db" in _python(code, installed, "list")
    assert _python(code, installed, "--version").strip().endswith("0.1.0")


def test_the_entry_point_is_hero_build(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (entry,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "hero-build = hero_build.cli:run" in archive.read(entry).decode()


def test_man_finds_the_pages_beside_the_command(wheel: Path, tmp_path: Path) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--ignore-installed",
        "--no-deps",
        "--no-index",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "--prefix", tmp_path, wheel], check=True)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "MANWIDTH": "80", "LC_ALL": "C"}
    for words, title in (("hero-build install", "HERO-BUILD-INSTALL(1)"), ("hero-build-ci-matrix", "HERO-BUILD-CI-M")):
        done = subprocess.run(["man", *words.split()], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(title)
