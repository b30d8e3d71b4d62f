"""Which running apps are restarted after others: by `needs`, in order."""

from pathlib import Path

import pytest

from hero_build.catalog.loader import Catalog, load
from hero_build.services.dependents import dependents
from support import mirrors

RUNNING = ("top", "mid", "app", "other", "wheel", "cycle")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for app, needs in (("app", ()), ("mid", ("app",)), ("top", ("mid", "app")), ("other", ()), ("left", ("app",))):
        mirrors.recipe(tmp_path, app, needs=repr(needs))
    for app, needs in (("wheel", ("cycle",)), ("cycle", ("wheel",))):
        mirrors.recipe(tmp_path, app, needs=repr(needs))
    (tmp_path / "broken.py").write_text("this is no Python")
    return load((tmp_path,))


def test_each_comes_after_those_it_needs_and_only_what_runs(catalog: Catalog) -> None:
    running = [app for app in RUNNING if app not in ("wheel", "cycle")]
    assert dependents({"app"}, running, catalog) == ("mid", "top")
    assert dependents({"mid"}, running, catalog) == ("top",)
    assert dependents({"app"}, ["app", "top"], catalog) == ("top",)
    assert dependents({"other"}, running, catalog) == ()
    assert dependents((), running, catalog) == ()


def test_neither_a_cycle_nor_a_broken_recipe_is_in_the_way(catalog: Catalog) -> None:
    assert sorted(dependents({"app"}, [*RUNNING, "broken"], catalog)) == ["mid", "top"]
    assert dependents({"wheel"}, RUNNING, catalog) == ("cycle",)
    assert dependents({"gone"}, ["app"], catalog) == ()
