"""The shipped recipes: every app of the stack, its set exactly as it is known, and the sets of apps."""

import ast
import itertools
import re
from pathlib import Path

import pytest

from hero_build.catalog import loader, recipe_facts
from hero_build.catalog.loader import Catalog
from hero_build.errors import RecipeError, Unsupported
from hero_build.model.artifacts import Binary, Cargo
from support.worlds import REPO

SHIPPED = loader.load(())
PINNED = {
    "hero_proc": "cli hero_proc, server hero_proc_server, admin hero_proc_admin",
    "hero_router": "server hero_router",
    "hero_db": "cli hero_db, server hero_db_server, admin hero_db_admin",
    "hero_books": "server hero_books_server, web hero_books_web, admin hero_books_admin",
    "hero_browser": "server hero_browser_server, admin hero_browser_admin",
    "hero_collab": "server hero_collab_server, web hero_collab_web",
    "hero_livekit": "server hero_livekit_server, admin hero_livekit_admin, child lk-backend, cli hero_do_hero_livekit",
    "hero_code": "server hero_code_server, web hero_code_web",
    "hero_indexer": "server hero_indexer_server",
    "hero_mail": "cli hero_mail, server hero_mail_server, admin hero_mail_admin",
    "hero_agent": "server hero_agent_server, admin hero_agent_admin",
    "hero_foundry": "server hero_foundry_server, web hero_foundry_web, admin hero_foundry_admin",
    "hero_bundle": "server hero_bundle",
    "zinit": "cli zinit, server zinit-server",
}
_READ = (
    "hero_voice hero_embedder hero_editor hero_aibroker hero_codescalers mycelium hero_shrimp hero_planner hero_os "
    "hero_archipelagos hero_osis hero_proxy hero_logic hero_biz hero_slides hero_whiteboard hero_memory hero_cockpit "
    "hero_lib_rhai hero_do"
)
READ = set(_READ.split())
ONNX = {"hero_voice", "hero_embedder", "hero_editor"}
SETS = {
    "core": "hero_proc hero_db hero_router hero_code hero_logic",
    "toolchain": "hero_proc hero_router mycelium hero_code hero_codescalers hero_lib_rhai hero_embedder",
    "base": "hero_proxy hero_osis hero_aibroker hero_os",
    "complete": "hero_proxy hero_db hero_os hero_osis hero_livekit hero_collab hero_biz hero_aibroker hero_logic "
    "hero_slides hero_whiteboard hero_indexer hero_foundry hero_voice hero_agent",
    "tester": "hero_proc hero_router hero_db hero_memory hero_books hero_agent hero_voice/hero_voice_web hero_cockpit",
    "admin": "hero_proc hero_router hero_embedder hero_voice/hero_voice_server",
}


def written(binary: Binary) -> str:
    return f"{'child' if binary.install_only else binary.kind} {binary.name}"


def test_every_app_of_the_stack_has_a_recipe_and_there_are_no_others() -> None:
    assert set(SHIPPED.names()) == PINNED.keys() | READ | {"hero_onlyoffice"}


@pytest.mark.parametrize("app", sorted(PINNED))
def test_a_known_set_is_listed_whole(app: str) -> None:
    assert {written(item) for item in SHIPPED.get(app).recipe.binaries} == set(PINNED[app].split(", "))


@pytest.mark.parametrize("app", sorted(READ))
def test_a_set_that_is_not_known_is_left_to_be_read(app: str) -> None:
    recipe = SHIPPED.get(app).recipe
    assert recipe.binaries == ()
    assert not recipe.refuses


def test_former_names_are_those_of_the_rename_and_one_quirk() -> None:
    former = {item.name: item.formerly for app in PINNED for item in SHIPPED.get(app).recipe.binaries if item.formerly}
    admins = {f"{app}_admin": f"{app}_ui" for app, listed in PINNED.items() if f"{app}_admin" in listed}
    assert former == {**admins, "hero_mail": "hero_mail_cli"}


def test_a_binary_belongs_to_one_app_by_its_name_and_by_its_former_name() -> None:
    owners: dict[str, str] = {}
    for app in SHIPPED.names():
        for item in SHIPPED.get(app).recipe.binaries:
            for name in filter(None, (item.name, item.formerly)):
                assert owners.setdefault(name, app) == app, f"{name} belongs to {owners[name]} and {app}"
    assert len(owners) > 40


def test_owners_libcs_needs_and_restarts() -> None:
    recipes = {app: SHIPPED.get(app).recipe for app in SHIPPED.names()}
    assert {app for app, recipe in recipes.items() if recipe.repo != f"lhumina_code/{app}"} == {"zinit", "mycelium"}
    assert recipes["zinit"].repo == "geomind_code/zinit"
    assert recipes["mycelium"].repo.endswith("/mycelium_network")
    assert {app for app, recipe in recipes.items() if recipe.libc == "gnu"} == {"hero_books", *ONNX}
    assert {app: recipe.needs for app, recipe in recipes.items() if recipe.needs} == {"hero_collab": ("hero_livekit",)}
    restarts = {app: recipe.restarts for app, recipe in recipes.items() if recipe.restarts}
    assert restarts == {"hero_archipelagos": ("hero_os",)}


def test_names_of_other_apps_are_apps() -> None:
    for app in SHIPPED.names():
        recipe = SHIPPED.get(app).recipe
        assert {*recipe.needs, *recipe.excludes, *recipe.restarts} <= set(SHIPPED.names())


def test_the_bundle_has_its_six_services_beside_it_and_runs_without_them() -> None:
    recipe = SHIPPED.get("hero_bundle").recipe
    assert recipe.excludes == ("mycelium", "hero_db", "hero_indexer", "hero_code", "hero_proc", "hero_router")
    assert {SHIPPED.get(app).recipe.repo for app in recipe.excludes} == set(recipe.siblings)


@pytest.mark.parametrize("app", sorted(ONNX))
def test_onnx_runtime_is_one_value_for_three_apps_pinned_for_both_machines(app: str) -> None:
    recipe = SHIPPED.get(app).recipe
    assert recipe.libraries == SHIPPED.get("hero_voice").recipe.libraries
    assert [item.name for item in recipe.libraries] == ["libonnxruntime.so", "libonnxruntime.so.1"]
    pins = recipe.libraries[0].pins
    assert [pin.platform for pin in pins] == ["linux-amd64", "linux-arm64"]
    for pin in pins:
        version = re.fullmatch(r"https://github.com/.*/v([\d.]+)/(onnxruntime-linux-\w+-\1)\.tgz", pin.url)
        assert version is not None
        assert pin.member == f"{version[2]}/lib/libonnxruntime.so.{version[1]}"
        assert re.fullmatch("[0-9a-f]{64}", pin.sha256)
    assert len({pin.sha256 for pin in pins}) == 2
    assert recipe.cargo(recipe.platform("amd64")) == Cargo(env=(("ORT_LIB_LOCATION", "{lib}"),))


def test_other_apps_build_with_cargos_defaults_and_bring_no_library() -> None:
    for app in set(SHIPPED.names()) - ONNX:
        recipe = SHIPPED.get(app).recipe
        assert (recipe.cargo(recipe.platform("amd64")), recipe.libraries) == (Cargo(), ())


def test_what_is_a_container_refuses_in_one_sentence() -> None:
    found = SHIPPED.get("hero_onlyoffice")
    for ask_it in (lambda: recipe_facts.require_installable(found), lambda: recipe_facts.ask_recipe(found)):
        with pytest.raises(Unsupported, match="is a container") as caught:
            ask_it()
        assert (caught.value.code, caught.value.message.count(".")) == (8, 0)
        assert caught.value.hint


def test_the_sets_are_those_that_are_written_down() -> None:
    assert SHIPPED.set_members == {name: tuple(members.split()) for name, members in SETS.items()}


def test_a_service_that_a_set_names_is_one_of_its_app() -> None:
    for member in {member for members in SHIPPED.set_members.values() for member in members if "/" in member}:
        app, _, binary = member.partition("/")
        known = SHIPPED.get(app).recipe.binaries
        assert binary in {item.name for item in known if item.kind != "cli"} if known else binary.startswith(f"{app}_")


DOCUMENTS = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]
NOT_SERVICES = {
    *("hero_build", "hero_notes", "hero_notes_server", "hero_bd", "hero_index"),
    *("hero_set", "hero_info", "hero_hosts", "hero_lock", "hero_lock_before", "hero_lock_trust"),
}
"""This project; an app that a reader makes; a name that is mistyped in an example, and one that is not right. Below
them modules and variables of the collection hero.os.
"""


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(REPO)))
def test_a_document_names_no_service_that_no_set_has(page: Path) -> None:
    """hero_archipelagos and hero_onlyoffice are in no set: one is a phase of its own, one a container."""
    apps = {*SHIPPED.expand(["@all"]), "hero_archipelagos", "hero_onlyoffice"}
    words = set(re.findall(r"\bhero_[a-z0-9_]+", page.read_text())) - NOT_SERVICES
    unknown = {word for word in words if word not in apps and not word.startswith(tuple(f"{app}_" for app in apps))}
    assert not unknown


def test_no_set_is_written_twice_and_none_names_an_app_twice() -> None:
    source = ast.parse((loader.shipped() / "_sets.py").read_text())
    (keys,) = (
        [ast.literal_eval(key) for key in node.keys if key] for node in ast.walk(source) if isinstance(node, ast.Dict)
    )
    assert len(set(keys)) == len(keys)
    for one, other in itertools.combinations(SHIPPED.sets.values(), 2):
        assert set(one) != set(other)
    assert all(len(set(apps)) == len(apps) for apps in SHIPPED.sets.values())


def test_every_member_has_a_recipe_that_can_be_installed_and_needs_come_first() -> None:
    for name, apps in SHIPPED.sets.items():
        assert SHIPPED.expand([f"@{name}"]) == apps
        for position, app in enumerate(apps):
            recipe = SHIPPED.get(app).recipe
            assert not recipe.refuses
            assert not set(recipe.excludes) & set(apps), f"@{name}: {app} cannot run beside the others"
            for need in recipe.needs:
                assert need not in apps or apps.index(need) < position, f"@{name}: {need} after {app}"


def test_all_is_what_can_be_installed() -> None:
    assert set(SHIPPED.expand(["@all"])) == set(SHIPPED.names()) - {"hero_archipelagos", "hero_onlyoffice"}


@pytest.mark.parametrize("app", SHIPPED.names())
def test_every_recipe_is_reachable_and_answers(app: str) -> None:
    found = SHIPPED.get(app)
    assert ast.get_docstring(ast.parse(found.path.read_text()), clean=True).startswith(f"{app}:")  # type: ignore[union-attr]
    if not found.recipe.refuses:
        ref = recipe_facts.ask_recipe(found, version="v1").ref
        assert ref.repo == found.recipe.repo
        assert ref.names


def test_recipes_of_a_folder_share_a_module_and_each_folder_has_its_own(tmp_path: Path) -> None:
    text = "from hero_build.recipe import Recipe, cli\nfrom ._names import NAME\n\n\nclass Mine(Recipe):\n"
    text += '    repo = "me/mine"\n    binaries = (cli(NAME),)\n'
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "_names.py").write_text(f'NAME = "{folder}"\n')
        (tmp_path / folder / f"app_{folder}.py").write_text(text)
    loaded = loader.load((tmp_path / "one", tmp_path / "other"))
    for folder in ("one", "other"):
        found = loaded.get(f"app_{folder}")
        assert [item.name for item in found.recipe.binaries] == [folder]
        assert found.shared == (tmp_path / folder / "_names.py",)


def test_a_recipe_without_its_shared_module_is_a_broken_one(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from ._nowhere import X\n")
    broken: Catalog = loader.load((tmp_path,))
    with pytest.raises(RecipeError, match=str(tmp_path / "mine.py")):
        broken.get("mine")
