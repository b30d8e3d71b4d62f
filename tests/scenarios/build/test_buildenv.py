"""The set of a repo without service manifests: read from its buildenv.sh, and built, shown, audited, published."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from support import git_repos, rust_crates
from support.source_builds import checkout_path, clone_checkout, installed_app, program_output
from support.worlds import World

LIST = 'export PROJECT_NAME="app"\nexport BINARIES="app app_server"\n'
KIND = "\n    def kind(self, name):\n        return {answer}\n"


def add_app(world: World, files: Mapping[str, str | None] = {}, *, kind: str = "") -> git_repos.Upstream:
    """An app whose recipe lists nothing; `files` are written in place of the usual ones (None: left out)."""
    path = world.recipe("app", binaries="()")
    path.write_text(path.read_text() + (KIND.format(answer=kind) if kind else ""))
    texts = {**rust_crates.APP, "buildenv.sh": LIST, **files}
    return git_repos.upstream(world.mirror, "o/app", {name: text for name, text in texts.items() if text is not None})


def kinds(world: World) -> dict[str, str]:
    return {name: item["kind"] for name, item in installed_app(world)["binaries"].items()}


def document(world: World, *words: str) -> Any:
    return json.loads(world.run(*words, "--json").out)


def test_the_set_is_read_and_built(world: World) -> None:
    add_app(world)
    world.ok("install", "app")
    assert program_output(world, "app_server") == "server"
    assert kinds(world) == {"app": "cli", "app_server": "server"}
    assert document(world, "explain", "app")["set_from"] == f"read from buildenv.sh in {checkout_path(world)}"
    assert document(world, "show", "app")["set_from"] == f"read from buildenv.sh in {checkout_path(world)}"


def test_the_recipe_says_the_kind_of_a_name(world: World) -> None:
    add_app(world, kind='"web" if name == "app" else super().kind(name)')
    world.ok("install", "app")
    assert kinds(world) == {"app": "web", "app_server": "server"}


def test_an_unknown_kind_is_an_error_of_the_recipe(world: World) -> None:
    add_app(world, kind='"daemon"')
    done = world.run("install", "app")
    assert (done.code, "app is of the kind 'daemon'" in done.err) == (2, True)


def test_a_service_manifest_comes_first(world: World) -> None:
    add_app(world, {"service.toml": '[[binaries]]\nname = "app"\nkind = "web"\n'})
    world.ok("install", "app")
    assert kinds(world) == {"app": "web"}


def test_without_either_the_programs_of_the_workspaces_are_listed(world: World) -> None:
    add_app(world, {"buildenv.sh": None})
    done = world.run("install", "app")
    assert done.code == 5
    assert "its buildenv.sh does not either" in done.err
    assert "The repo has: app, app_server." in done.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('export BINARIES="$NAME"\n', "sets BINARIES in line 1 to more than a plain text"),
        ('export BINARIES="../app"\n', "has a binary named '../app'"),
    ],
)
def test_a_list_that_cannot_be_read_is_said(world: World, text: str, sentence: str) -> None:
    add_app(world, {"buildenv.sh": text})
    done = world.run("install", "app")
    assert (done.code, f"buildenv.sh {sentence}" in done.err) == (5, True)
    assert not world.root.current.exists()


FEATURE = {
    "Cargo.toml": rust_crates.manifest("app", "[features]\nodd = []\n"),
    "src/bin/app.rs": 'fn main() { println!("{}", if cfg!(feature = "odd") { "with" } else { "without" }); }\n',
}
ODD = f'{LIST}export ALL_FEATURES="default odd"\n'


def test_its_features_are_those_of_the_build(world: World) -> None:
    add_app(world, {**FEATURE, "buildenv.sh": ODD})
    world.ok("install", "app")
    assert program_output(world) == "with"


def test_a_recipe_that_says_how_cargo_builds_says_the_features(world: World) -> None:
    add_app(world, {**FEATURE, "buildenv.sh": ODD})
    path = world.recipes / "app.py"
    own = "    def cargo(self, platform):\n        return Cargo()\n"
    path.write_text(f"{path.read_text().replace('import Recipe', 'import Cargo, Recipe')}\n{own}")
    world.ok("install", "app")
    assert program_output(world) == "without"


def test_where_a_service_manifest_lists_the_set_its_features_do_not_count(world: World) -> None:
    add_app(world, {**FEATURE, "buildenv.sh": ODD, "service.toml": '[[binaries]]\nname = "app"\nkind = "cli"\n'})
    world.ok("install", "app")
    assert program_output(world) == "without"


def test_publishing_writes_the_set_into_a_service_manifest(world: World) -> None:
    """So that a download knows it, which has no checkout."""
    add_app(world, kind='"web" if name == "app" else super().kind(name)')
    path = world.recipes / "app.py"
    path.write_text(path.read_text().replace('repo = "o/app"', 'repo = "o/app"\n    libc = "gnu"'))
    out = (world.folder / "out").as_uri()
    world.ok("publish", "app", "--tag", "v1", "--to", out)
    text = (world.folder / "out" / "o" / "app" / "v1" / "service.toml").read_text()
    assert text == '[[binaries]]\nname = "app"\nkind = "web"\n\n[[binaries]]\nname = "app_server"\nkind = "server"\n'
    world.ok("install", "app", "--mode", "download", "--forge", out)
    assert kinds(world) == {"app": "web", "app_server": "server"}


def test_audit_compares_its_names(world: World) -> None:
    """Its kinds are the recipe's, which it does not have."""
    add_app(world)
    clone_checkout(world)
    world.recipe("app", "app", "app_server")
    assert "2 binaries in buildenv.sh" in world.ok("audit", "app", "--no-release")
    world.recipe("app", "app", "app_admin")
    done = world.run("audit", "app", "--no-release")
    assert done.code == 5
    assert "buildenv.sh lists no app_admin" in done.out
    assert "buildenv.sh declares app_server (server), which the recipe does not list" in done.out


def test_audit_reads_the_set_of_a_recipe_without_one(world: World) -> None:
    add_app(world)
    clone_checkout(world)
    (app,) = document(world, "audit", "app", "--no-release")["apps"]
    assert (app["set_from"], app["binaries"]) == ("read from buildenv.sh in the checkout", ["app", "app_server"])
    assert app["findings"] == []
