"""`install --locked FILE --exact`: what the file does not have goes in the same generation, its services first."""

from pathlib import Path

import pytest

from hero_build.services.records import recorded_services
from support import roots
from support.service_world import ServiceWorld
from support.worlds import World, valid


@pytest.fixture
def lock(two_apps: World, tmp_path: Path) -> Path:
    """Of `db` in v1, in a root that has `db` v2 and `web`."""
    file = tmp_path / "db.lock"
    two_apps.ok("lock", "db@v1", "-o", str(file))
    two_apps.ok("install", "@both")
    return file


def test_other_apps_go_in_the_same_generation(world: World, lock: Path) -> None:
    out = world.ok("install", "--locked", str(lock), "--exact", "-n")
    assert "web  v1" in out
    assert "1 to download, 1 to remove" in out
    assert roots.settled(world.root).number == 1
    document = valid(world.run("install", "--locked", str(lock), "--exact", "--json").document)
    states = {part["app"]: (part["state"], part["version_before"], part["version_after"]) for part in document["parts"]}
    assert states == {"db": ("changed", "v2", "v1"), "web": ("removed", "v1", None)}
    assert (document["before"], document["after"], document["exit"]) == (1, 2, 0)
    assert not (world.root.path / "bin" / "web").exists()
    assert roots.settled(world.root).lock == document["lock"]
    assert "nothing to do" in world.ok("install", "--locked", str(lock), "--exact")
    world.ok("rollback")
    assert {part.app for part in roots.settled(world.root).records} == {"db", "web"}


def test_only_removals_are_a_generation(world: World, lock: Path) -> None:
    world.ok("install", "--locked", str(lock))
    assert "generation 3: web v1 removed; 1 kept" in world.ok("install", "--locked", str(lock), "--exact")


def test_held_apps_stay(world: World, lock: Path) -> None:
    world.ok("hold", "web")
    done = world.run("install", "--locked", str(lock), "--exact")
    assert (done.code, "web is held and stays as installed" in done.err) == (0, True)
    assert {part.app for part in roots.settled(world.root).records} == {"db", "web"}


def test_nothing_goes_while_something_fails(world: World, lock: Path) -> None:
    lock.write_text(lock.read_text().replace("/v1/", "/gone/"))
    world.ok("rollback", "0")
    world.ok("install", "web")
    done = world.run("install", "--locked", str(lock), "--exact")
    assert done.code == 3, done.err
    assert {part.app for part in roots.settled(world.root).records} == {"web"}


@pytest.mark.parametrize("words", [("db", "--exact"), ("db", "--exact", "--locked", "{}")])
def test_what_exact_goes_with(world: World, lock: Path, words: tuple[str, ...]) -> None:
    done = world.run("install", *(word.format(lock) for word in words))
    assert done.code == 2
    assert "--exact" in done.err


def two_services(stack: ServiceWorld, folder: Path) -> Path:
    """`app` and `other` run; the lock file has `app` alone, in v2."""
    for app in ("app", "other"):
        stack.service(app, start_timeout=60.0)
        stack.install(app)
    stack.ok("start", "app", "other")
    return folder / "app.lock"


def test_services_of_what_goes_are_stopped_and_forgotten(stack: ServiceWorld, tmp_path: Path) -> None:
    file = two_services(stack, tmp_path)
    stack.release_of("app", "v2")
    stack.ok("lock", "app", "-o", str(file))
    stack.ok("install", "--locked", str(file), "--exact", "--restart", "--rollback-on-failure")
    assert {name: item["version_running"] for name, item in stack.services().items()} == {"app_server": "v2"}
    assert [item.binary for item in stack.running()] == ["app_server"]
    assert [record.name for record in recorded_services(stack.root)] == ["app_server"]


def test_a_rollback_starts_again_what_had_gone(stack: ServiceWorld, tmp_path: Path) -> None:
    file = two_services(stack, tmp_path)
    stack.release_of("app", "v2", "exit:3")
    stack.ok("lock", "app", "-o", str(file))
    done = stack.run("install", "--locked", str(file), "--exact", "--restart", "--rollback-on-failure", "--json")
    answer = valid(done.document)
    assert (done.code, answer["result"]) == (9, "rolled_back"), done.err
    states = {name: (item["state"], item["version_running"]) for name, item in stack.services().items()}
    assert states == {"app_server": ("running", "v1"), "other_server": ("running", "v1")}
