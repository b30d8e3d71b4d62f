"""The needs of apps: installed in the order of starting, or reported as warnings."""

from pathlib import Path

import pytest

from hero_build.catalog.loader import Catalog, load
from hero_build.events import WarningRaised
from hero_build.queries.needs import unmet, with_needs
from support import mirrors


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    needs = {"web": ("db", "auth"), "auth": ("db",), "db": (), "left": ("right",), "right": ("left",), "odd": ("gone",)}
    for app, names in needs.items():
        mirrors.recipe(tmp_path, app, needs=repr(names))
    (tmp_path / "broken.py").write_text("nonsense(")
    return load([tmp_path])


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (["web"], ("db", "auth", "web")),
        (["db", "web"], ("db", "auth", "web")),
        (["web", "db"], ("db", "auth", "web")),
        (["left"], ("right", "left")),
        (["odd"], ("gone", "odd")),
        (["broken"], ("broken",)),
    ],
)
def test_needs_come_first_and_once(asked: list[str], wanted: tuple[str, ...], catalog: Catalog) -> None:
    assert with_needs(asked, catalog) == wanted


def test_needs_that_are_neither_requested_nor_installed(catalog: Catalog) -> None:
    assert list(unmet(["web"], {"auth"}, catalog)) == [
        WarningRaised("web needs db, which is not installed", "hero-build install db")
    ]
    assert list(unmet(["web", "db"], {"auth"}, catalog)) == []
    assert list(unmet(["broken"], set(), catalog)) == []
