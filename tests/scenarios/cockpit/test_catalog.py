"""catalog.list and catalog.install: each app whole, with exactly the programs that `audit` says it has."""

import os
from collections.abc import Iterator

import pytest

from hero_build.catalog import loader, recipe_facts
from support import mirrors
from support.processes import until
from support.rpc_server import RpcServer, serving
from support.service_world import ServiceWorld, program

SHIPPED = loader.load(())
RECIPES = {app: SHIPPED.get(app).recipe for app in SHIPPED.names()}
LISTED = tuple(app for app, recipe in RECIPES.items() if recipe.binaries and not recipe.package(None))
OWNER = "lhumina_code"
BOOKS = ("hero_books_server", "hero_books_web", "hero_books_admin")
MEMORY = ("hero_memory_server", "hero_memory_web", "hero_memory_admin")


@pytest.fixture
def server(stack: ServiceWorld) -> Iterator[RpcServer]:
    with serving(stack) as started:
        yield started


def listed(server: RpcServer, app: str) -> list[str]:
    apps = {item["name"]: item for item in server.result("catalog.list")["apps"]}
    return [binary["name"] for binary in apps[app]["binaries"]]


def test_every_app_is_listed_with_the_programs_that_audit_has(stack: ServiceWorld, server: RpcServer) -> None:
    """No variant of an app is dropped silently: two ways to the same set, and the recipes between them."""
    for app in LISTED:
        names = recipe_facts.ask_recipe(SHIPPED.get(app)).asset_names.values()
        mirrors.release(stack.mirror, app=app, tag="v1", files={name[0]: b"" for name in names}, owner=OWNER)
    done = stack.run("audit", *LISTED, "--json")
    audited = {app["name"]: app["binaries"] for app in done.document["apps"]}
    assert audited.keys() == set(LISTED)
    assert len(LISTED) > 10
    apps = {item["name"]: item for item in server.result("catalog.list")["apps"]}
    assert apps.keys() == set(SHIPPED.names())
    assert {app: sorted(b["name"] for b in apps[app]["binaries"]) for app in LISTED} == {
        app: sorted(names) for app, names in audited.items()
    }
    assert {app: apps[app]["trouble"] for app in apps if apps[app]["trouble"]} == {}


@pytest.mark.parametrize(("app", "names"), [("hero_books", BOOKS), ("hero_memory", MEMORY)])
def test_all_programs_of_an_app_are_installed_and_started_together(
    stack: ServiceWorld, server: RpcServer, app: str, names: tuple[str, ...]
) -> None:
    """hero_memory's set is read from its release; whatever it is, audit and the page agree on it."""
    files = {_asset(app, name): program(name, "v1") for name in names}
    mirrors.release(stack.mirror, app=app, tag="v1", files=files, owner=OWNER)
    done = stack.run("audit", app, "--json")
    assert sorted(done.document["apps"][0]["binaries"]) == sorted(names), done.err
    report = server.result("catalog.install", name=app)
    assert report["after"] == 1
    assert sorted(listed(server, app)) == sorted(names)
    assert until(lambda: {item.binary for item in stack.running()} == set(names))
    assert server.result("catalog.install", name=app)["after"] == 1


def test_half_an_app_is_not_installed(stack: ServiceWorld, server: RpcServer) -> None:
    """A release that lacks a program changes nothing: with no repository to build from it is an error."""
    files = {_asset("hero_books", name): program(name, "v1") for name in BOOKS[:2]}
    mirrors.release(stack.mirror, app="hero_books", tag="v1", files=files, owner=OWNER)
    assert server.error("catalog.install", name="hero_books")["message"]
    assert not os.path.lexists(stack.root.path / "bin" / "hero_books_server")
    assert listed(server, "hero_books") == [item.name for item in SHIPPED.get("hero_books").recipe.binaries]


def test_a_set_or_an_unknown_app_is_an_error(server: RpcServer) -> None:
    assert server.error("catalog.install", name="@tester")["code"] == -32602
    assert server.error("catalog.install", name="hero_bokks")["code"] == -32001


def test_the_whole_root_has_a_journal_of_its_own(stack: ServiceWorld, server: RpcServer) -> None:
    stack.install("app")
    stack.release_of("app", "v2")
    stack.ok("install", "app")
    assert server.result("catalog.restore", number=1)["after"] == 3
    assert server.result("catalog.rollback", name="app")["after"] == 4
    assert server.error("catalog.restore", number=99)["code"] == -32001
    history = server.result("catalog.history")["generations"]
    assert [item["action"] for item in history][-2:] == ["rollback to 1", "roll back app to v2"]


def _asset(app: str, name: str) -> str:
    return mirrors.asset(name).replace("musl", SHIPPED.get(app).recipe.libc)
