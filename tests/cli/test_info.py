"""`list`, `show`, `status`, `explain`."""

import subprocess

import pytest

from support import roots, worlds
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


def test_list_shows_every_recipe_installed_versions_and_sets(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    document = worlds.valid(world.run("list", "--json").document)
    apps = {app["name"]: app for app in document["apps"]}
    assert (apps["db"]["version"], apps["db"]["used"]) == ("v1", "download")
    assert apps["web"]["version"] is None
    assert apps["hero_db"]["recipe"].endswith("recipes/hero_db.py")
    assert {"name": "@both", "apps": ["db", "web"]} in document["sets"]
    lines = world.ok("list").splitlines()
    assert any(line.split() == ["db", "v1", "download", "a", "test", "app"] for line in lines)
    assert any(line.split() == ["@both", "db", "web"] for line in lines)


def test_list_marks_replaced_and_missing_recipes(world: World) -> None:
    overlay = world.recipe("hero_db")
    world.ok("install", "web")
    (world.recipes / "web.py").unlink()
    out = world.ok("list")
    assert f"{overlay}, replaces another recipe" in out
    assert "/recipes/hero_db.py, replaces /" in world.ok("list", "-v")
    (line,) = (line for line in out.splitlines() if line.startswith("web "))
    assert "recipe not found" in line


def test_show_prints_recipe_installed_version_and_latest_release(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    document = worlds.valid(world.run("show", "db", "--json").document)
    assert document["repo"] == "o/db"
    assert document["about"] == "a test app."
    assert [item["name"] for item in document["binaries"]] == ["db", "db_admin"]
    assert document["binaries"][0]["asset"] == f"db-{roots.platform()}"
    assert (document["installed"]["version"], document["installed"]["state"]) == ("v1", "intact")
    assert document["latest"]["tag"] == "v2"
    assert document["sets"] == ["@both"]
    out = world.ok("show", "db", "-v")
    assert f"db_admin-{roots.platform()}" in out
    assert "v1, download, intact" in out


def test_show_without_a_forge_prints_the_reason(world: World) -> None:
    done = world.run("--forge", "file:///nowhere/at/all", "show", "web", "--json")
    document = worlds.valid(done.document)
    assert done.code == 0
    assert document["latest"] is None
    assert document["trouble"]["kind"] == "NetworkError"
    assert (
        "the mirror /nowhere/at/all does not exist" in world.run("--forge", "file:///nowhere/at/all", "show", "web").out
    )


def test_status_of_an_empty_root(world: World) -> None:
    assert "nothing is installed yet" in world.ok("status")
    document = worlds.valid(world.run("status", "--json").document)
    assert (document["generation"], document["apps"]) == (0, [])
    assert not world.root.path.exists()


def test_status_detects_damage(world: World) -> None:
    world.ok("install", "@both")
    with (world.root.path / "bin" / "db").open("ab") as file:
        file.truncate(100)
    (world.root.path / "bin" / "web").unlink()
    document = worlds.valid(world.run("status", "--json").document)
    states = {app["name"]: (app["state"], " ".join(app["damage"])) for app in document["apps"]}
    assert states["db"][0] == "damaged"
    assert "bin/db has 100 bytes" in states["db"][1]
    assert states["web"] == ("damaged", "bin/web is not linked")
    done = world.run("status")
    assert done.code == 0
    assert "damaged: db, web (hero-build verify --repair)" in done.out


def test_status_of_named_and_absent_apps(world: World) -> None:
    world.ok("install", "db")
    document = worlds.valid(world.run("status", "@both", "--json").document)
    assert [(app["name"], app["state"]) for app in document["apps"]] == [("db", "intact"), ("web", "absent")]
    done = world.run("status", "dbb")
    assert done.code == 3
    assert "Did you mean db" in done.err


def test_status_shows_running_and_old_processes(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    with subprocess.Popen([world.root.path / "bin" / "db", "wait"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"db v1\n"  # it runs, and the kernel knows its file
            running = world.run("status", "db", "--json").document["apps"][0]["processes"]
            assert running == [{"pid": process.pid, "binary": "db", "state": "running"}]
            world.ok("install", "db")
            document = worlds.valid(world.run("status", "db", "--json").document)
            assert document["apps"][0]["processes"] == [{"pid": process.pid, "binary": "db", "state": "old"}]
            out = world.ok("status")
            assert f"db {process.pid} (old)" in out
            assert "running old programs: db" in out
        finally:
            process.kill()


def test_status_latest_asks_the_forge(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    world.ok("install", "web")
    document = worlds.valid(world.run("status", "--latest", "--json").document)
    latest = {app["name"]: (app["latest"], app["outdated"]) for app in document["apps"]}
    assert latest == {"db": ("v2", True), "web": ("v1", False)}
    assert "newer release available: db" in world.ok("status", "--latest")


def test_status_latest_without_a_forge_shows_the_reason_for_each_app(world: World) -> None:
    world.ok("install", "db")
    done = world.run("--forge", "file:///nowhere/at/all", "status", "--latest", "--json")
    assert done.code == 0
    (app,) = worlds.valid(done.document)["apps"]
    assert app["latest"] is None
    assert "does not exist" in app["trouble"]


@pytest.mark.parametrize("flag", ["--version", "--release"])
def test_show_of_an_older_release_does_not_call_it_the_latest(flag: str, world: World) -> None:
    world.ok("install", "db")
    out = world.ok("show", "db", flag, "v1")
    assert "  release    v1, " in out
    assert "latest" not in out
    assert "  latest     v2, " in world.ok("show", "db")
    document = worlds.valid(world.run("show", "db", flag, "v1", "--json").document)
    assert (document["version"], document["latest"]["tag"]) == ("v1", "v1")
    done = world.run("show", "db", flag, "v3")
    assert done.code == 3
    assert "has no release v3" in done.err


def test_explain_shows_facts_decision_and_reason(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    document = worlds.valid(world.run("explain", "db", "--json").document)
    assert document["platform"] == str(roots.platform())
    assert document["release"]["tag"] == "v2"
    assert document["decisions"] == [
        {
            "part": "db",
            "decision": "download",
            "why": "v2 replaces v1; release v2 carries all 2 binaries",
            "version": "v2",
        }
    ]
    (first, _) = document["artifacts"]
    assert (first["asset"], first["checksum"]) == (f"db-{roots.platform()}", "SHA256SUMS")
    assert {"name": "root", "value": str(world.root.path), "source": "environment"} in document["settings"]
    assert "db: download v2, because v2 replaces v1" in world.ok("explain", "db")


def test_explain_shows_an_overlay_and_changes_nothing(world: World) -> None:
    world.recipe("hero_db")
    document = worlds.valid(world.run("explain", "hero_db", "--json").document)
    assert document["recipe"] == str(world.recipes / "hero_db.py")
    assert len(document["shadows"]) == 1
    assert "replaces" in world.run("explain", "hero_db").out
    assert not world.root.path.exists()


def test_explain_of_a_failing_install_shows_the_facts_and_ends_with_its_code(world: World) -> None:
    world.release("web", "v2", "other")
    done = world.run("explain", "web", "--mode", "download", "--json")
    document = worlds.valid(done.document)
    assert (done.code, document["exit"], document["trouble"]["kind"]) == (3, 3, "AssetNotFound")
    assert document["release"]["tag"] == "v2"
    assert document["artifacts"][0]["looked_for"] == [f"web-{roots.platform()}"]
    done = world.run("explain", "web", "--mode", "download")
    assert f"no asset web-{roots.platform()}" in done.out
    assert "error: install would fail: release v2 of o/web has no asset" in done.out
    assert done.err == ""


@pytest.mark.parametrize("flags", [["--version", "v1"], ["--reset"], ["--mode", "source"]])
def test_explain_and_a_dry_run_agree(flags: list[str], world: World) -> None:
    world.ok("install", "db")
    explained = world.run("explain", "db", *flags, "--json").document["decisions"]
    planned = world.run("install", "db", "--dry-run", *flags, "--json").document["parts"]
    assert [f"to {item['decision']}" for item in explained] == [item["state"] for item in planned]
    assert [item["why"] for item in explained] == [item["why"] for item in planned]


def test_list_installed_and_outdated(world: World) -> None:
    world.ok("install", "db@v1", "web")
    document = worlds.valid(world.run("list", "--installed", "--json").document)
    assert [(app["name"], app["about"], app["latest"]) for app in document["apps"]] == [
        ("db", "a test app.", None),
        ("web", "a test app.", None),
    ]
    assert document["sets"] == []
    document = worlds.valid(world.run("list", "--outdated", "--json").document)
    assert [(app["name"], app["version"], app["latest"]) for app in document["apps"]] == [("db", "v1", "v2")]
    world.ok("hold", "db")
    lines = [line.split()[:5] for line in world.ok("list", "--outdated").splitlines()]
    assert lines == [["app", "installed", "latest", "from", "description"], ["db", "v1", "v2", "download,", "held"]]


def test_list_says_so_where_there_is_nothing_to_list(world: World) -> None:
    nothing = "nothing is installed. `hero-build list` shows what can be.\n"
    for option in ("--installed", "--outdated"):
        assert world.ok("list", option) == nothing
        assert worlds.valid(world.run("list", option, "--json").document)["apps"] == []
        assert world.ok("list", option, "--quiet") == world.ok("outdated", "--quiet")
    world.ok("install", "web")
    assert world.ok("list", "--outdated") == world.ok("outdated") == "up to date: 1 app\n"


def test_outdated_compares_with_the_newest_releases(world: World) -> None:
    assert "nothing to compare" in world.ok("outdated")
    world.ok("install", "db@v1", "web")
    document = worlds.valid(world.run("outdated", "--json").document)
    assert document["apps"] == [{"name": "db", "version": "v1", "latest": "v2", "held": False}]
    assert (document["compared"], document["built"], document["failed"]) == (2, [], [])
    out = world.ok("outdated")
    assert out.endswith("outdated: 1 of 2 apps. Upgrade: hero-build upgrade\n")
    assert world.ok("outdated", "web") == "up to date: 1 app\n"
    world.ok("hold", "db")
    assert "Upgrade:" not in world.ok("outdated", "db")
    assert world.run("outdated", "hero_db").code == 3


def test_outdated_without_a_forge_is_4_and_names_the_apps(world: World) -> None:
    world.ok("install", "@both")
    for command in (("outdated",), ("list", "--outdated")):
        done = world.run("--forge", "file:///nowhere/at/all", *command, "--json")
        assert done.code == 4
        assert [item["app"] for item in worlds.valid(done.document)["failed"]] == ["db", "web"]
        assert "error: db, web: the mirror" in done.err


def test_outdated_names_what_was_not_compared(world: World) -> None:
    world.ok("install", "@both")
    (world.recipes / "web.py").unlink()
    document = worlds.valid(world.run("outdated", "--json").document)
    assert (document["exit"], document["unknown"], document["compared"]) == (0, ["web"], 1)


def test_search_matches_names_and_descriptions_in_any_case(world: World) -> None:
    document = worlds.valid(world.run("search", "KEY-value", "--json").document)
    assert [app["name"] for app in document["apps"]] == ["hero_db"]
    assert [app["name"] for app in world.run("search", "test", "APP", "--json").document["apps"]] == ["db", "web"]
    assert "@both" in world.ok("search", "both")
    done = world.run("search", "nothing like it")
    assert (done.code, "no app matches 'nothing like it'" in done.err) == (3, True)
