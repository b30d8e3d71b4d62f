"""`upgrade`, `hold`, `unhold`, and the names of apps: `@installed`, `APP@VERSION`."""

import json

import pytest

from hero_build import manifest
from support import mirrors, rust_crates, source_builds, worlds
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


def versions(world: World) -> dict[str, str]:
    return {part.app: record.origin.version for part, record in manifest.load(world.root.path).records.items()}


def test_upgrade_brings_what_is_installed_to_its_newest_version(world: World) -> None:
    world.ok("install", "db@v1")
    out = world.ok("upgrade")
    assert versions(world) == {"db": "v2"}, "web, which is not installed, is not added"
    assert "db v1 -> v2 (download). Undo: hero-build rollback 1" in out
    assert "upgrade" in world.ok("history")
    assert "nothing to do" in world.ok("upgrade", "--no-restart")


def test_upgrade_of_named_apps_leaves_the_others(world: World) -> None:
    world.ok("install", "db@v1", "web")
    world.release("web", "v2")
    document = worlds.valid(world.run("upgrade", "web", "--json").document)
    assert [(part["part"], part["version_after"]) for part in document["parts"]] == [("web", "v2")]
    assert versions(world) == {"db": "v1", "web": "v2"}


def test_a_dry_run_of_upgrade_changes_nothing(world: World) -> None:
    world.ok("install", "db@v1")
    document = worlds.valid(world.run("upgrade", "-n", "--json").document)
    assert [(part["part"], part["state"]) for part in document["parts"]] == [("db", "to download")]
    assert versions(world) == {"db": "v1"}


def test_upgrade_with_nothing_installed_has_nothing_to_do(world: World) -> None:
    assert "nothing to do" in world.ok("upgrade")
    done = world.run("upgrade", "web")
    assert (done.code, "web is not installed" in done.err) == (3, True)


def test_upgrade_warns_of_an_app_without_a_recipe_and_upgrades_the_others(world: World) -> None:
    world.ok("install", "db@v1", "web")
    (world.recipes / "web.py").unlink()
    done = world.run("upgrade")
    assert done.code == 0, done.err
    assert "not upgraded, for lack of a recipe: web" in done.err
    assert versions(world) == {"db": "v2", "web": "v1"}


def test_an_app_that_fails_keeps_its_version_and_the_others_are_upgraded(world: World) -> None:
    world.ok("install", "db@v1", "web")
    world.release("web", "v2", checksums=True)
    (world.mirror / "o" / "web" / "v2" / mirrors.asset("web")).write_bytes(b"something else")
    done = world.run("upgrade")
    assert done.code == 1
    assert versions(world) == {"db": "v2", "web": "v1"}


def test_a_held_app_stays_as_it_is(world: World) -> None:
    world.ok("install", "db@v1", "web")
    assert "held: db; " in world.ok("hold", "db")
    assert json.loads((world.root.state / "held.json").read_text()) == {"schema": 1, "apps": ["db"]}
    for words in (("upgrade",), ("install", "@both"), ("install", "@installed"), ("upgrade", "-n")):
        done = world.run(*words)
        assert done.code == 0, done.err
        assert "warning: db is held and stays as installed\n  hint: `hero-build unhold db` releases it." in done.err
        assert versions(world)["db"] == "v1"
    assert "intact, held" in world.ok("status", "db")
    states = {app["name"]: app["held"] for app in worlds.valid(world.run("status", "--json").document)["apps"]}
    assert states == {"db": True, "web": False}
    assert "newer release available" not in world.ok("status", "--latest")


def test_a_held_app_that_is_named_is_refused_by_upgrade_and_changed_by_install(world: World) -> None:
    world.ok("install", "db@v1")
    world.ok("hold", "db")
    done = world.run("upgrade", "db")
    assert (done.code, versions(world)) == (2, {"db": "v1"})
    assert "error: db is held\n  hint: `hero-build unhold db` releases it." in done.err
    world.ok("install", "db")
    assert versions(world) == {"db": "v2"}
    assert "intact, held" in world.ok("status", "db"), "it is held at the new version"


def test_unhold_releases(world: World) -> None:
    world.ok("install", "db@v1", "web")
    world.ok("hold", "@both")
    document = worlds.valid(world.run("unhold", "db", "--json").document)
    assert (document["changed"], document["held"]) == (["db"], ["web"])
    assert "nothing to do: not held: db; still held: web" in world.ok("unhold", "db")
    world.ok("upgrade")
    assert versions(world)["db"] == "v2"


def test_hold_twice_is_nothing_to_do_and_an_absent_app_is_3(world: World) -> None:
    world.ok("install", "db@v1")
    worlds.valid(world.run("hold", "db", "--json").document)
    assert "nothing to do: held already: db" in world.ok("hold", "db")
    assert world.run("hold", "web").code == 3
    assert world.run("unhold", "nobody").code == 3


def test_a_hold_survives_rollback_and_uninstall(world: World) -> None:
    world.ok("install", "db@v1")
    world.ok("hold", "db")
    world.ok("uninstall", "db")
    world.ok("install", "@both")
    assert versions(world)["db"] == "v2", "what is not installed is not held back"
    assert "intact, held" in world.ok("status", "db")


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2, "apps": []}', '{"schema": 1, "apps": [1]}'])
def test_an_unreadable_list_of_held_apps_is_an_error_that_names_it(text: str, world: World) -> None:
    world.ok("install", "db@v1")
    (world.root.state / "held.json").write_text(text)
    done = world.run("upgrade")
    assert (done.code, versions(world)) == (5, {"db": "v1"})
    assert "held.json cannot be read" in done.err
    assert "delete it" in done.err


def test_a_cached_answer_does_not_outlive_a_hold(world: World) -> None:
    file = str(world.folder / "apps.lock")
    world.ok("lock", "@both", "-o", file)
    for _ in range(3):
        world.ok("install", "@both", "--locked", file)
    world.ok("hold", "db")
    assert "db is held" in world.run("install", "@both", "--locked", file).err


def test_a_version_after_the_name(world: World) -> None:
    world.release("web", "v2")
    world.ok("install", "db@v1", "web@latest")
    assert versions(world) == {"db": "v1", "web": "v2"}
    assert world.run("explain", "db@v2", "--json").document["release"]["tag"] == "v2"
    assert world.run("show", "db@v1", "--json").document["latest"]["tag"] == "v1"


@pytest.mark.parametrize(
    ("words", "version"),
    [
        (("db@v1", "db@v1"), "v1"),
        (("db", "db@latest"), "v2"),
        (("@both", "db@v1"), "v1"),
        (("db@v1", "@both"), "v1"),
    ],
)
def test_a_name_twice_is_one_request_where_both_mean_the_same(
    words: tuple[str, ...], version: str, world: World
) -> None:
    report = world.run("install", *words, "--json").document
    assert [part["app"] for part in report["parts"]] == list(dict.fromkeys(part["app"] for part in report["parts"]))
    assert versions(world)["db"] == version


def test_lock_and_mirror_take_a_version_after_the_name(world: World) -> None:
    file, folder = world.folder / "apps.lock", world.folder / "copy"
    document = worlds.valid(world.run("lock", "db@v1", "web", "-o", str(file), "--json").document)
    assert {app["name"]: app["tag"] for app in document["apps"]} == {"db": "v1", "web": "v1"}
    world.ok("install", "--locked", str(file))
    assert versions(world) == {"db": "v1", "web": "v1"}
    document = worlds.valid(world.run("mirror", "db@v1", "web", str(folder), "--json").document)
    assert {app["name"]: app["tag"] for app in document["apps"]} == {"db": "v1", "web": "v1"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("install", "db@"), 2, "'db@' has no version after the @"),
        (("install", "@both@v1"), 2, "'@both@v1' gives a set a version"),
        (("install", "db@v1", "db@v2"), 2, "db is named with two versions"),
        (("install", "db", "db@v1"), 2, "db is named with a version and without one"),
        (("install", "db@v1", "web", "db"), 2, "db is named with a version and without one"),
        (("build", "db", "db@v1"), 2, "db is named with a version and without one"),
        (("lock", "db", "db@v1", "-o", "x.lock"), 2, "db is named with a version and without one"),
        (("mirror", "db", "db@v1", "copy"), 2, "db is named with a version and without one"),
        (("pack", "db", "db@v1", "-o", "x.pack"), 2, "db is named with a version and without one"),
        (("start", "db", "db@v1"), 2, "'db@v1' names a version, which this command does not take"),
        (("install", "db@v1", "--version", "v2"), 2, "APP@VERSION and --version exclude each other"),
        (("install", "db@v1", "--ref", "main"), 2, "APP@VERSION and --ref exclude each other"),
        (("install", "db@v9"), 3, "has no release v9"),
        (("install", "db:second"), 3, "no app is named 'db:second'"),
        (("uninstall", "db@v1"), 2, "'db@v1' names a version, which this command does not take"),
        (("upgrade", "db@v1"), 2, "'db@v1' names a version, which this command does not take"),
        (("show", "db@v1", "--version", "v2"), 2, "APP@VERSION and --version exclude each other"),
    ],
)
def test_what_cannot_be_a_version(words: tuple[str, ...], code: int, sentence: str, world: World) -> None:
    done = world.run(*words, *(("--mode", "download") if words[-1] == "db@v9" else ()))
    assert (done.code, done.out) == (code, "") or code == 3
    assert done.code == code
    assert sentence in done.err


def test_uninstall_all_means_what_is_installed(world: World) -> None:
    done = world.run("uninstall", "@all")
    assert (done.code, "nothing is installed" in done.err) == (3, True)
    world.ok("install", "@both")
    (world.recipes / "web.py").unlink()
    world.ok("uninstall", "@all")
    assert versions(world) == {}


def test_installed_is_a_set_of_every_command(world: World) -> None:
    world.ok("install", "db@v1")
    assert [app["name"] for app in world.run("status", "@installed", "--json").document["apps"]] == ["db"]
    document = world.run("lock", "@installed", "-o", str(world.folder / "x"), "--json").document
    assert [app["name"] for app in document["apps"]] == ["db"]
    world.ok("uninstall", "@installed")
    assert versions(world) == {}


@pytest.mark.parametrize("typed", ["root with space", "plain"])
def test_advice_is_for_the_root_that_was_typed(typed: str, world: World) -> None:
    root = str(world.folder / typed)
    quoted = f"'{root}'" if " " in typed else root
    out = world.ok("--root", root, "install", "db@v1")
    assert f"Undo: hero-build --root {quoted} rollback 0" in out
    world.ok("--root", root, "install", "web")
    assert f"Restore: hero-build --root {quoted} rollback 1" in world.ok("--root", root, "history")
    assert f"(hero-build --root {quoted} upgrade)" in world.ok("--root", root, "status", "--latest")
    assert f"hint: `hero-build --root {quoted} status` shows" in world.run("--root", root, "hold", "hero_db").err


def test_upgrade_builds_what_was_asked_to_be_built(world: World) -> None:
    upstream = source_builds.add_app(world)
    world.ok("install", "app", "--mode", "source")
    upstream.commit({"src/bin/app.rs": rust_crates.program("newer")})
    world.release("app", "v9")
    document = world.run("upgrade", "--json").document
    assert [(part["state"], part["used"]) for part in document["parts"]] == [("changed", "source")]
    assert source_builds.program_output(world) == "newer"
