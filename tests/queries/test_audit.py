"""`audit`: no drift if recipe and repository agree, and a finding for each planted drift."""

import shutil
from collections.abc import Callable

import pytest

from support import mirrors, worlds
from support.audit_repo import KINDS, RECIPE, Repo
from support.worlds import REPO, World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("two_apps"),
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed"),
]


@pytest.fixture
def repo(world: World) -> Repo:
    return Repo(world)


def red(repo: Repo, what: str, where: str, text: str) -> None:
    """Assert that the audit ends with 5 and this one drift, in the document and on the page."""
    document = repo.document()
    findings = [item for item in document["apps"][0]["findings"] if item["drift"]]
    assert [(item["what"], item["where"], item["text"]) for item in findings] == [(what, where, text)]
    assert document["exit"] == 5
    done = repo.audit()
    assert done.code == 5
    assert f"duo: {what}: {text}" in done.out
    assert "1 of 1 app: 1 drift" in done.out


def test_no_drift_if_all_sources_agree(repo: Repo) -> None:
    repo.write()
    repo.manifest("deploy/service.toml", KINDS)  # files may repeat each other
    document = repo.document()
    (app,) = document["apps"]
    assert (document["exit"], app["findings"], app["set_from"]) == (0, [], "the recipe")
    assert [(item["teller"], item["state"], item["said"]) for item in app["heard"]] == [
        ("service.toml", "read", "4 binaries in 2 files"),
        ("cargo", "read", "4 binaries"),
        ("release", "read", "v1, 5 assets"),
    ]
    assert app["checkout"] == str(repo.folder)
    done = repo.audit()
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 app: recipe and repository agree")


def no_admin(repo: Repo) -> None:
    del repo.kinds["duo_admin"]


def one_more(repo: Repo) -> None:
    repo.kinds["duo_web"] = "web"


def old_name(repo: Repo) -> None:
    repo.kinds = {name.replace("duo_admin", "duo_ui"): kind for name, kind in repo.kinds.items()}


def other_kind(repo: Repo) -> None:
    repo.kinds["duo_admin"] = "web"


def crate_gone(repo: Repo) -> None:
    del repo.crates["child"]


def crate_more(repo: Repo) -> None:
    repo.crates |= {"duo_web": "", "xtask": ""}  # xtask is the workspace's own affair


def crate_old_name(repo: Repo) -> None:
    del repo.crates["duo_admin"]
    repo.crates["duo_ui"] = ""


def crate_behind_a_feature(repo: Repo) -> None:
    repo.crates["child"] = 'required-features = ["full"]\n'


def asset_gone(repo: Repo) -> None:
    repo.assets.remove("child")


def asset_more(repo: Repo) -> None:
    repo.assets.append("duo_web")


@pytest.mark.parametrize(
    ("spoil", "what", "where", "text"),
    [
        (no_admin, "missing", "service.toml", "no service.toml declares duo_admin"),
        (one_more, "extra", "service.toml", "service.toml declares duo_web (web), which the recipe does not list"),
        (
            old_name,
            "renamed",
            "service.toml",
            "duo_admin still has its former name there, duo_ui",
        ),
        (
            other_kind,
            "kind differs",
            "service.toml",
            "duo_admin is of the kind web in service.toml, and admin in the recipe",
        ),
        (crate_gone, "missing", "cargo", "the workspace has no binary child"),
        (crate_more, "extra", "cargo", "the workspace has a binary duo_web, which the recipe does not list"),
        (
            crate_old_name,
            "renamed",
            "cargo",
            "duo_admin still has its former name there, duo_ui",
        ),
        (
            crate_behind_a_feature,
            "missing",
            "cargo",
            "cargo builds child only with full, which the recipe does not ask for",
        ),
        (asset_gone, "missing", "release", f"release v1 has no asset {mirrors.asset('child')}"),
        (asset_more, "extra", "release", f"release v1 has {mirrors.asset('duo_web')}, which the recipe does not list"),
    ],
)
def test_each_planted_drift_is_found(
    repo: Repo, spoil: Callable[[Repo], None], what: str, where: str, text: str
) -> None:
    spoil(repo)
    repo.write()
    red(repo, what=what, where=where, text=text)


def test_a_different_kind_in_one_of_several_manifests_is_drift(repo: Repo) -> None:
    repo.write()
    repo.manifest("a/service.toml", {**KINDS, "duo": "server"})
    repo.manifest("b/service.toml", {**KINDS, "duo": "server"})
    text = "duo is of the kind server in a/service.toml and 1 more, and cli in the recipe"
    red(repo, what="kind differs", where="service.toml", text=text)


def test_submodules_and_hidden_folders_are_skipped(repo: Repo) -> None:
    repo.write()
    for place in ("target/debug", ".github", "node_modules/x", "sub"):
        repo.manifest(f"{place}/service.toml", {"stranger": "server"})
    (repo.folder / "sub" / ".git").write_text("gitdir: ../.git/modules/sub\n")
    assert repo.document()["exit"] == 0


def test_an_invalid_manifest_is_drift_and_the_other_sources_are_still_read(repo: Repo) -> None:
    asset_gone(repo)
    repo.write()
    (repo.folder / "service.toml").write_text("[[binaries")
    (app,) = repo.document()["apps"]
    assert [(item["what"], item["where"]) for item in app["findings"]] == [
        ("unreadable", "service.toml"),
        ("missing", "release"),
    ]
    assert "service.toml is not TOML" in app["findings"][0]["text"]
    assert repo.audit().code == 5


def test_a_rename_in_the_recipe_is_reported_and_is_not_drift(repo: Repo) -> None:
    repo.assets = [name.replace("duo_admin", "duo_ui") for name in repo.assets]
    repo.write()
    done = repo.audit()
    assert done.code == 0
    text = f"release v1 has {mirrors.asset('duo_ui')} from before the rename: it is installed as duo_admin"
    assert f"duo: renamed: {text}" in done.out
    (finding,) = repo.document()["apps"][0]["findings"]
    assert (finding["what"], finding["drift"]) == ("renamed", False)


def test_a_release_is_compared_for_every_platform_that_it_serves(repo: Repo) -> None:
    repo.write()
    other = f"linux-{'arm64' if 'amd64' in mirrors.asset('') else 'amd64'}-musl"
    names = [mirrors.asset(name) for name in KINDS] + [f"{name}-{other}" for name in KINDS if name != "duo"]
    mirrors.release(repo.world.mirror, app="duo", tag="v1", files=dict.fromkeys(names, b"x"))
    red(repo, what="missing", where="release", text=f"release v1 has no asset duo-{other}")


def test_the_features_of_the_recipe_are_enabled(repo: Repo) -> None:
    crate_behind_a_feature(repo)
    hook = '\n    def cargo(self, platform: object) -> Cargo:\n        return Cargo(features=("full",))\n'
    repo.recipe += hook
    repo.write()
    assert repo.document()["exit"] == 0


def test_the_sources_are_compared_with_a_set_that_was_read(repo: Repo) -> None:
    repo.recipe = RECIPE.split("    binaries")[0]
    asset_gone(repo)
    repo.write()
    document = repo.document()
    assert document["apps"][0]["set_from"] == "read from service.toml in the checkout"
    assert document["apps"][0]["binaries"] == list(KINDS)
    red(repo, what="missing", where="release", text=f"release v1 has no asset {mirrors.asset('child')}")


def test_a_read_set_that_is_contradictory_or_missing(repo: Repo) -> None:
    repo.recipe = RECIPE.split("    binaries")[0]
    repo.assets, repo.crates = ["stranger"], {"stranger": ""}
    repo.write()
    repo.manifest("b/service.toml", {"duo": "server"})
    document = repo.document()
    assert document["exit"] == 5
    finding = document["apps"][0]["findings"][0]
    assert finding["what"] == "unreadable"
    assert "duo is declared twice, of two kinds: server in b/service.toml, cli in service.toml" in finding["text"]
    for path in ("service.toml", "b/service.toml"):
        (repo.folder / path).unlink()
    finding = repo.document()["apps"][0]["findings"][0]
    assert (finding["what"], finding["text"]) == (
        "missing",
        "the recipe lists no binaries, no service.toml in a checkout does, and neither does release v1",
    )


def test_binaries_of_another_app_of_the_repository_are_not_extra(repo: Repo) -> None:
    one_more(repo)
    crate_more(repo)
    asset_more(repo)
    repo.write()
    assert repo.document()["exit"] == 5
    mirrors.recipe(repo.world.recipes, "trio", ("duo_web",), repo='"o/duo"')
    assert repo.document()["exit"] == 0


def test_all_of_a_folder_of_checkouts(repo: Repo) -> None:
    asset_gone(repo)
    repo.write()
    code = repo.world.folder / "code"
    (code / "web").mkdir()  # a flat one
    (code / "o" / "stranger").mkdir()
    (code / "o" / "stranger" / "service.toml").write_text("")
    mirrors.recipe(repo.world.recipes, "broken").write_text("x = 1\n")
    for words in (("--all", str(code)), ("--all",)):
        document = repo.document(*words)
        assert [app["name"] for app in document["apps"]] == ["duo", "web"]
        assert [failed["app"] for failed in document["failed"]] == ["broken"]
        (warning,) = document["warnings"]
        assert warning["text"] == f"{code / 'o' / 'stranger'} declares services and has no recipe"
        assert (document["exit"], document["folder"]) == (5, str(code))
    assert repo.audit("--all", str(repo.world.folder / "nowhere")).code == 3


@pytest.mark.parametrize("words", [(), ("duo", "--all", "x"), ("duo", "--version", "v1", "--no-release")])
def test_contradicting_options(repo: Repo, words: tuple[str, ...]) -> None:
    done = repo.world.run("audit", *words)
    assert done.code == 2
    assert "hint: " in done.err


def test_an_app_that_cannot_be_installed_is_not_audited(repo: Repo) -> None:
    done = repo.audit("hero_onlyoffice")
    assert done.code == 8
    assert "is a container" in done.err


def test_an_audit_changes_nothing(repo: Repo) -> None:
    repo.write()
    before = {path: path.lstat().st_mtime_ns for path in repo.folder.rglob("*")}
    repo.audit()
    assert {path: path.lstat().st_mtime_ns for path in repo.folder.rglob("*")} == before
    assert not repo.world.root.path.exists()


def test_the_world_of_the_tests_has_no_drift(world: World) -> None:
    recipes = str(REPO / "tests" / "world" / "recipes")
    words = ("audit", "--all", str(REPO / "tests" / "world"), "--no-release", "--json")
    document = worlds.valid(world.run(*words, env={"HERO_RECIPES": recipes}).document)
    assert (document["exit"], [app["findings"] for app in document["apps"] if app["findings"]]) == (0, [])
    assert "hero_db" in [app["name"] for app in document["apps"]]
