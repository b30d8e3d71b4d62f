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
