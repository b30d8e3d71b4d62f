"""`compatible_from`: below that version a rollback is refused, and an upgrade to it promises none."""

from pathlib import Path

import pytest

from support import roots
from support.service_world import ServiceWorld
from support.worlds import World, valid

BOUND = 'compatible_from = "v2"'


@pytest.fixture
def migrated(world: World) -> World:
    """`db` went from v1 to v2, from which there is no way back."""
    world.recipe("db", compatible_from='"v2"')
    world.recipe("web")
    for tag in ("v1", "v2", "v3"):
        world.release("db", tag, latest=tag == "v2")
    world.release("web", "v1")
    world.ok("install", "db@v1", "web")
    return world


def test_a_rollback_is_refused_where_the_data_cannot_go_back(migrated: World) -> None:
    done = migrated.run("install", "db", "--json")
    answer = valid(done.document)
    (warning,) = answer["warnings"]
    assert warning["text"] == "db v2 changes its data: there is no way back below v2, not by a rollback"
    assert (done.code, answer["undo"]) == (0, None)
    done = migrated.run("rollback", "--json")
    error = valid(done.document, "error")["error"]
    assert (done.code, error["kind"]) == (8, "NoWayBack")
    assert error["message"] == "db v1 cannot read the data of v2: there is no way back below v2"
    assert roots.settled(migrated.root).number == 2
    migrated.ok("install", "db@v3")
    assert migrated.run("rollback", "1").code == 8
    migrated.ok("rollback", "2")
    migrated.ok("rollback", "0")


def test_what_the_hint_says_works(migrated: World) -> None:
    migrated.ok("install", "db")
    done = migrated.run("rollback")
    assert "`hero-build install db@v1` installs it" in done.err.replace("\n  ", " ")
    assert "db v2 -> v1" in migrated.ok("install", "db@v1")


def test_an_older_lock_file_keeps_what_cannot_go_back(migrated: World, tmp_path: Path) -> None:
    file = tmp_path / "old.lock"
    migrated.ok("lock", "--installed", "-o", str(file))
    migrated.ok("install", "db")
    migrated.ok("uninstall", "web")
    done = migrated.run("install", "--locked", str(file), "--json")
    (failed,) = valid(done.document)["failed"]
    assert (done.code, failed["app"], failed["kind"], failed["exit"]) == (1, "db", "NoWayBack", 8)
    installed = {part.app: record.origin.version for part, record in roots.settled(migrated.root).records.items()}
    assert installed == {"db": "v2", "web": "v1"}


def test_a_dry_run_says_it_beforehand(migrated: World) -> None:
    done = migrated.run("upgrade", "-n")
    assert "there is no way back below v2" in done.err
    assert roots.settled(migrated.root).number == 1


def test_a_bound_without_a_number_is_an_error(world: World) -> None:
    world.recipe("db", compatible_from='"newest"')
    done = world.run("install", "db")
    assert done.code == 2
    assert "compatible_from = 'newest'" in done.err


def test_an_upgrade_that_cannot_be_rolled_back_stops_what_does_not_come_up(stack: ServiceWorld) -> None:
    stack.service("app", attributes=BOUND, start_timeout=60.0)
    stack.service("other", start_timeout=60.0)
    for app in ("app", "other"):
        stack.install(app)
    stack.ok("start", "app", "other")
    stack.release_of("app", "v2", "exit:3")
    done = stack.run("upgrade", "--json")
    answer = valid(done.document)
    assert (done.code, answer["result"], answer["rollback"]) == (9, "stopped", None), done.err
    assert "there is no way back below v2" in done.err
    assert Path(answer["evidence"]).is_dir()
    states = {name: (item["state"], item["version_installed"]) for name, item in stack.services().items()}
    assert states == {"app_server": ("stopped", "v2"), "other_server": ("running", "v1")}


def test_what_can_go_back_is_rolled_back_beside_it(stack: ServiceWorld) -> None:
    stack.service("app", attributes=BOUND, start_timeout=60.0)
    stack.service("other", start_timeout=60.0)
    for app in ("app", "other"):
        stack.install(app)
    stack.ok("start", "app", "other")
    stack.release_of("app", "v2")
    stack.release_of("other", "v2", "exit:3")
    done = stack.run("upgrade", "--json")
    answer = valid(done.document)
    assert (done.code, answer["result"]) == (9, "rolled_back"), done.err
    items = stack.services()
    assert {name: (item["state"], item["version_running"]) for name, item in items.items()} == {
        "app_server": ("running", "v2"),
        "other_server": ("running", "v1"),
    }
