"""`history`, `diff`, `rollback`, `uninstall`, `gc`."""

import shutil

import pytest

from support import roots, worlds
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


@pytest.fixture
def upgraded(world: World) -> World:
    world.ok("install", "db", "--version", "v1")
    world.ok("install", "@both")
    return world


def test_history_lists_each_generation_with_its_changes(upgraded: World) -> None:
    document = worlds.valid(upgraded.run("history", "--json").document)
    first, second = document["generations"]
    assert (first["number"], first["action"], first["current"]) == (1, "install db", False)
    assert (second["number"], second["action"], second["current"], second["apps"]) == (2, "install @both", True, 2)
    assert [(change["part"], change["change"]) for change in second["changes"]] == [("db", "changed"), ("web", "added")]
    out = upgraded.ok("history")
    assert "db v1 -> v2, +web v1" in out
    assert out.index("install db") < out.index("install @both")


def test_history_of_an_empty_root(world: World) -> None:
    assert "nothing has been installed here" in world.ok("history")


def test_history_continues_after_an_unreadable_generation(upgraded: World) -> None:
    (upgraded.root.generation(1) / "manifest.json").write_text("{")
    document = worlds.valid(upgraded.run("history", "--json").document)
    assert "cannot be read as a manifest" in document["generations"][0]["trouble"]
    assert document["generations"][1]["number"] == 2


def test_diff_of_the_last_change_and_of_two_generations(upgraded: World) -> None:
    document = worlds.valid(upgraded.run("diff", "--json").document)
    assert (document["before"], document["after"]) == (1, 2)
    db, web = document["parts"]
    assert (db["change"], db["version_before"], db["version_after"]) == ("changed", "v1", "v2")
    assert {item["path"] for item in db["files"]} == {"bin/db", "bin/db_admin"}
    assert (web["part"], web["change"]) == ("web", "added")
    back = worlds.valid(upgraded.run("diff", "2", "0", "--json").document)
    assert {part["change"] for part in back["parts"]} == {"removed"}
    assert "no app, version or file changed" in upgraded.ok("diff", "2", "2")
    assert "~ db v1 -> v2 (download)" in upgraded.ok("diff", "1")


def test_diff_with_a_missing_generation(upgraded: World) -> None:
    done = upgraded.run("diff", "7")
    assert done.code == 3
    assert "has no generation 7" in done.err
    assert "1, 2" in done.err


def test_rollback_and_its_undo(upgraded: World) -> None:
    document = worlds.valid(upgraded.run("rollback", "--json").document)
    assert (document["before"], document["after"], document["undo"]) == (2, 3, "hero-build rollback 2")
    assert {(part["part"], part["state"]) for part in document["parts"]} == {("db", "changed"), ("web", "removed")}
    assert "generation 4: " in upgraded.ok("rollback")
    assert roots.settled(upgraded.root).number == 4
    assert set(map(str, roots.settled(upgraded.root).records)) == {"db", "web"}


def test_rollback_to_the_current_content(upgraded: World) -> None:
    assert upgraded.ok("rollback", "2") == "nothing to do\n"


def test_rollback_to_a_missing_generation(upgraded: World) -> None:
    done = upgraded.run("rollback", "9", "--json")
    assert (done.code, worlds.valid(done.document, "error")["error"]["kind"]) == (3, "GenerationNotFound")


def test_uninstall_keeps_other_apps(upgraded: World) -> None:
    document = worlds.valid(upgraded.run("uninstall", "db", "--json").document)
    assert [(part["part"], part["state"]) for part in document["parts"]] == [("db", "removed")]
    assert not (upgraded.root.path / "bin" / "db").is_symlink()
    assert "generation 4: web v1 removed" in upgraded.ok("uninstall", "@both")
    done = upgraded.run("uninstall", "web")
    assert done.code == 3
    assert "web is not installed" in done.err


def test_uninstall_of_an_app_without_a_recipe(upgraded: World) -> None:
    (upgraded.recipes / "web.py").unlink()
    assert "web v1 removed" in upgraded.ok("uninstall", "web")


def test_gc_keeps_the_given_number_of_generations(upgraded: World) -> None:
    for _ in range(2):
        upgraded.ok("rollback")
    plan = worlds.valid(upgraded.run("gc", "--keep", "2", "--dry-run", "--json").document)
    assert (plan["generations"], plan["dry_run"]) == ([1, 2], True)
    done = worlds.valid(upgraded.run("gc", "--keep", "2", "--json").document)
    assert (done["generations"], done["dry_run"]) == ([1, 2], False)
    assert [item["number"] for item in upgraded.run("history", "--json").document["generations"]] == [3, 4]
    assert "deleted no generation; 0 B freed" in upgraded.ok("gc")
    roots.settled(upgraded.root)


def test_history_after_gc_does_not_claim_to_know_what_is_deleted(world: World) -> None:
    world.ok("install", "db@v1")
    world.ok("install", "web")
    world.ok("install", "db")
    world.ok("gc", "--keep", "1")
    (entry,) = worlds.valid(world.run("history", "--json").document)["generations"]
    assert (entry["number"], entry["since"], entry["changes"]) == (3, None, [])
    assert "2 apps; what changed is not known: generation 2 is deleted" in world.ok("history")
    world.ok("uninstall", "web")
    assert world.run("history", "--json").document["generations"][1]["since"] == 3
    assert world.ok("history").count("is deleted") == 1


def test_history_says_what_it_compares_with_across_a_gap(world: World) -> None:
    for words in (("install", "db@v1"), ("install", "web"), ("uninstall", "web"), ("install", "db")):
        world.ok(*words)
    for number in (2, 3):
        shutil.rmtree(world.root.generation(number))
    document = worlds.valid(world.run("history", "--json").document)
    assert [(entry["number"], entry["since"]) for entry in document["generations"]] == [(1, 0), (4, 1)]
    assert "since 1: db v1 -> v2" in world.ok("history")
