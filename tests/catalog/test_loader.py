"""Finding recipes: the search path, overlays, sets, and what broken recipes are answered with."""

import importlib.util
import py_compile
from pathlib import Path

import pytest

from hero_build.catalog import loader
from hero_build.errors import AppNotFound, RecipeError
from hero_build.model.artifacts import Platform

RECIPE = """
from hero_build.recipe import Recipe, cli
class Mine(Recipe):
    repo = "me/{name}"
    binaries = (cli("{name}"),)
"""


def write(folder: Path, name: str, text: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(RECIPE.format(name=name) if text is None else text)
    return path


def test_the_shipped_recipes_are_there_and_sound() -> None:
    shipped = loader.load(())
    assert {"hero_db", "hero_books", "hero_proc", "hero_router", "hero_livekit"} < set(shipped.names())
    owners: dict[str, str] = {}
    for app in shipped.names():
        for binary in shipped.get(app).recipe.binaries:
            assert owners.setdefault(binary.name, app) == app, f"{binary.name} belongs to two apps"


def test_every_set_member_has_a_recipe_and_no_set_is_written_twice_and_needs_come_first() -> None:
    shipped = loader.load(())
    assert len({frozenset(members) for members in shipped.sets.values()}) == len(shipped.sets)
    for name, members in shipped.sets.items():
        assert shipped.expand([f"@{name}"]) == members
        for position, app in enumerate(members):
            for need in shipped.get(app).recipe.needs:
                assert need not in members or members.index(need) < position, f"@{name}: {need} after {app}"


@pytest.mark.parametrize(
    ("app", "names"),
    [
        ("hero_db", ["hero_db_server", "hero_db_admin", "hero_db"]),
        ("hero_collab", ["hero_collab_server", "hero_collab_web"]),
        ("hero_livekit", ["hero_livekit_server", "hero_livekit_admin", "lk-backend", "hero_do_hero_livekit"]),
        ("hero_router", ["hero_router"]),
        ("zinit", ["zinit", "zinit-server"]),
    ],
)
def test_pinned_sets(app: str, names: list[str]) -> None:
    assert [binary.name for binary in loader.load(()).get(app).recipe.binaries] == names


def test_every_admin_was_once_a_ui() -> None:
    shipped = loader.load(())
    for app in shipped.names():
        for binary in shipped.get(app).recipe.binaries:
            if binary.name == f"{app}_admin":
                assert binary.formerly == f"{app}_ui"


def test_asset_names_follow_platform_and_quirk() -> None:
    shipped = loader.load(())
    db, books, zinit = (shipped.get(app).recipe for app in ("hero_db", "hero_books", "zinit"))
    assert db.asset_name(db.binaries[0], "hero_db_server", db.platform("amd64")) == "hero_db_server-linux-amd64-musl"
    assert books.platform("arm64") == Platform("arm64", "gnu")
    assert zinit.asset_name(zinit.binaries[1], "zinit-server", zinit.platform("amd64")) == "zinit-server-linux-amd64"
    package = zinit.package(None)
    assert package is not None
    assert (package.owner, package.name, package.version) == ("geomind_code", "zinit", "dev")
    assert db.package(None) is None


def test_an_earlier_folder_replaces_a_later_one(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    first, second = write(one, "hero_db"), write(other, "hero_db")
    found = loader.load((one, other)).get("hero_db")
    assert found.path == first
    assert found.recipe.repo == "me/hero_db"
    assert found.shadows == (second, loader.shipped() / "hero_db.py")


def test_sets_of_an_overlay_come_first(tmp_path: Path) -> None:
    write(tmp_path / "r", "_sets", 'SETS = {"core": ("hero_db",), "mine": ("hero_proc", "hero_db")}')
    overlaid = loader.load((tmp_path / "r",))
    assert overlaid.expand(["@mine", "hero_db", "@core"]) == ("hero_proc", "hero_db")
    assert overlaid.sets["admin"] == loader.load(()).sets["admin"]


def test_a_member_of_a_set_may_be_one_service_of_an_app(tmp_path: Path) -> None:
    write(tmp_path / "r", "_sets", 'SETS = {"mine": ("hero_db", "hero_voice/hero_voice_web", "hero_voice/x")}')
    overlaid = loader.load((tmp_path / "r",))
    assert overlaid.expand(["@mine"]) == overlaid.sets["mine"] == ("hero_db", "hero_voice")
    assert overlaid.started_by("@mine") == ("hero_db", "hero_voice/hero_voice_web", "hero_voice/x")
    assert set(overlaid.started_by("@all")) == set(overlaid.expand(["@all"]))


@pytest.mark.parametrize("member", ["hero_db/", "/hero_db_server", "", "a/b/c"])
def test_another_member_is_an_error(tmp_path: Path, member: str) -> None:
    write(tmp_path / "r", "_sets", f'SETS = {{"mine": ({member!r},)}}')
    with pytest.raises(RecipeError, match="has no SETS"):
        loader.load((tmp_path / "r",))


def test_all_is_every_recipe_that_can_be_installed() -> None:
    shipped = loader.load(())
    assert set(shipped.names()) - set(shipped.expand(["@all"])) == {"hero_archipelagos", "hero_onlyoffice"}


@pytest.mark.parametrize(
    ("name", "hint"), [("hero_bd", "hero_db"), ("@cor", "@core"), ("@hero_db", "`hero-build list`")]
)
def test_an_unknown_name_gets_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(AppNotFound) as caught:
        loader.load(()).expand([name])
    assert caught.value.code == 3
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import nowhere_at_all", "failed: ModuleNotFoundError"),
        ("class Broken(", "failed: SyntaxError"),
        ("raise SystemExit(3)", "failed: SystemExit"),
        ("x = 1", "must define one Recipe class (found: none)"),
        (RECIPE.format(name="a") + RECIPE.format(name="b").replace("Mine", "Yours"), "(found: Mine, Yours)"),
        (RECIPE.format(name="a").replace("me/a", "a"), "has repo = 'a'"),
        (RECIPE.format(name="a") + '    needs = ("hero_db")', "has needs = 'hero_db'"),
        (RECIPE.format(name="a") + '    siblings = ("hero_db",)', "has repo = 'hero_db'"),
        (RECIPE.format(name="a").replace('cli("a")', 'cli("../a")'), "names an artifact '../a'"),
        (RECIPE.format(name="a").replace('cli("a"),', 'cli("a"), cli("a")'), "names a twice"),
        (RECIPE.format(name="a") + '    lib = "gnu"', "has lib, which is close to libc and means nothing"),
        (RECIPE.format(name="a") + "    binary = ()", "has binary, which is close to binaries"),
        (RECIPE.format(name="a") + "    def asset_nam(self): ...", "has asset_nam, which is close to asset_name"),
        (RECIPE.format(name="a") + '    libc = "glibc"', "has libc = 'glibc'"),
    ],
)
def test_a_broken_recipe_is_an_error_that_names_the_file(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path / "r", "mine", text)
    with pytest.raises(RecipeError) as caught:
        loader.load((tmp_path / "r",)).get("mine")
    assert str(path) in caught.value.message
    assert sentence in caught.value.message
    assert caught.value.code == 2


def test_a_recipe_s_own_names_stay_allowed(tmp_path: Path) -> None:
    own = '    TAGS = ("a",)\n    _lib = "x"\n    features = ("fast",)\n    def page_size(self): return 1'
    write(tmp_path / "r", "mine", RECIPE.format(name="mine") + own)
    assert loader.load((tmp_path / "r",)).get("mine").recipe.libc == "musl"


def test_a_misspelt_attribute_of_a_base_class_is_an_error_too(tmp_path: Path) -> None:
    write(tmp_path / "r", "_base", "from hero_build.recipe import Recipe\nclass Base(Recipe):\n    nedes = ('db',)\n")
    text = RECIPE.format(name="mine").replace("Mine(Recipe)", "Mine(Base)")
    write(tmp_path / "r", "mine", "from ._base import Base" + text)
    with pytest.raises(RecipeError) as caught:
        loader.load((tmp_path / "r",)).get("mine")
    assert caught.value.hint == "Write needs; or call it _nedes, if it is the recipe's own."


def test_a_broken_recipe_does_not_harm_the_others(tmp_path: Path) -> None:
    write(tmp_path / "r", "mine", "import nowhere_at_all")
    assert loader.load((tmp_path / "r",)).get("hero_db").recipe.repo == "lhumina_code/hero_db"


def test_a_recipe_is_made_once_for_each_state_of_its_file(tmp_path: Path) -> None:
    write(tmp_path / "mine", "mine")
    first = loader.load([tmp_path / "mine"]).get("mine").recipe
    assert loader.load([tmp_path / "mine"]).get("mine").recipe is first
    write(tmp_path / "mine", "mine", RECIPE.format(name="mine").replace("me/mine", "you/mine"))
    assert loader.load([tmp_path / "mine"]).get("mine").recipe.repo == "you/mine"


def test_a_recipe_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        loader.load((tmp_path / "missing",))


def test_a_recipe_leaves_nothing_in_its_folder_and_takes_no_bytecode_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder may be one of a checkout, which would then have changes that are not committed."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    write(tmp_path, "_names", 'REPO = "me/mine"\n')
    text = RECIPE.format(name="mine").replace('"me/mine"', "REPO")
    path = write(tmp_path, "mine", f"from ._names import REPO\n{text}")
    cache = Path(importlib.util.cache_from_source(str(path)))
    broken, unchecked = write(tmp_path, "other", "raise OSError"), py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(broken), cfile=str(cache), doraise=True, invalidation_mode=unchecked)
    broken.unlink()
    assert loader.load((tmp_path,)).get("mine").recipe.repo == "me/mine"
    assert list(cache.parent.iterdir()) == [cache], "nothing else was written"
