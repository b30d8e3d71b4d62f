"""The phases from releases: each brings its own, all flip and roll back together, and every question sees them."""

import json
from collections.abc import Mapping
from contextlib import ExitStack

import pytest

from support import desktops, refusals, roots, source_builds, worlds
from support.desktops import SHELL, at_home, there, version
from support.worlds import World

ALL = (("install", "hero_os"), ("shell",), ("islands",))


@pytest.fixture
def installed(world: World) -> World:
    """Program, shell and two islands of v1, in three generations."""
    release(world, "v1", "notes", "radio")
    for words in ALL:
        world.ok(*words)
    return world


def release(world: World, tag: str, *names: str) -> None:
    desktops.os_release(world, tag)
    desktops.islands(world, tag, *names)


def state(world: World) -> Mapping[str, object]:
    """Of each of the three, the version that a user meets."""
    return {
        "program": refusals.program_output(world.root, "hero_os_server"),
        "shell": version(world, "", SHELL),
        "islands": {name: version(world, name) for name in there(world)},
    }


def of(tag: str, *names: str) -> Mapping[str, object]:
    return {"program": f"hero_os_server {tag}\n", "shell": tag, "islands": dict.fromkeys(names, tag)}


def test_each_phase_brings_its_own_and_takes_nothing_of_the_others(installed: World) -> None:
    assert state(installed) == of("v1", "notes", "radio")
    assert roots.settled(installed.root).number == 3
    for words in ALL:
        assert "nothing to do" in installed.ok(*words)
    assert roots.settled(installed.root).number == 3


def test_all_of_it_goes_back_together(installed: World) -> None:
    before = refusals.snapshot(installed.root)
    release(installed, "v2", "notes", "maps")
    for words in ALL:
        installed.ok(*words)
    assert state(installed) == of("v2", "maps", "notes")
    later = refusals.snapshot(installed.root)
    installed.ok("rollback", "3")
    assert state(installed) == of("v1", "notes", "radio")
    assert refusals.snapshot(installed.root) == before
    installed.ok("rollback", "6")
    assert refusals.snapshot(installed.root) == later
    roots.settled(installed.root)


def test_an_older_release_comes_from_the_store(installed: World) -> None:
    release(installed, "v2", "notes", "maps")
    for words in ALL:
        installed.ok(*words)
    assets = [path for path in installed.mirror.glob("*/*/v1/*") if path.name.endswith(("-wasm.tar.gz", "-musl"))]
    assert len(assets) == 4
    for path in assets:
        path.unlink()
    for words in ALL:
        installed.ok(*words, "--version", "v1", "--mode", "download")
    assert state(installed) == of("v1", "notes", "radio")
    for words in ALL:
        assert "nothing to do" in installed.ok(*words, "--version", "v1")


def test_the_phases_side_by_side(world: World) -> None:
    release(world, "v1", "notes", "radio")
    with ExitStack() as stack:
        running = [stack.enter_context(source_builds.start_command(world, *words)) for words in ALL]
        errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    assert state(world) == of("v1", "notes", "radio")
    assert roots.settled(world.root).number == 3


def test_those_that_are_named_and_no_others(installed: World) -> None:
    release(installed, "v2", "notes", "maps")
    installed.ok("islands", "notes")
    assert {name: version(installed, name) for name in there(installed)} == {"notes": "v2", "radio": "v1"}
    output = installed.ok("islands")
    assert "hero_archipelagos/radio v1 removed" in output
    assert {name: version(installed, name) for name in there(installed)} == {"maps": "v2", "notes": "v2"}
    installed.ok("islands", "--version", "v1", "radio")
    assert {name: version(installed, name) for name in there(installed)} == {"maps": "v2", "notes": "v2", "radio": "v1"}


def test_a_dry_run_changes_nothing(installed: World) -> None:
    release(installed, "v2", "notes", "maps")
    before = refusals.snapshot(installed.root)
    document = worlds.valid(installed.run("islands", "--dry-run", "--json").document)
    assert {part["part"]: part["state"] for part in document["parts"]} == {
        "hero_archipelagos/maps": "to download",
        "hero_archipelagos/notes": "to download",
        "hero_archipelagos/radio": "to remove",
    }
    assert refusals.snapshot(installed.root) == before


def test_questions_about_the_desktop(installed: World) -> None:
    release(installed, "v2", "notes", "maps")
    installed.ok("islands", "notes")
    documents = {word: worlds.valid(installed.run(*word.split(), "--json").document) for word in QUESTIONS}
    islands, desktop = documents["status"]["apps"]
    assert [(item["name"], item["version"]) for item in islands["bundles"]] == [("notes", "v2"), ("radio", "v1")]
    assert [(item["name"], item["version"]) for item in desktop["bundles"]] == [("hero_os_app", "v1")]
    assert {islands["state"], desktop["state"]} == {"intact"}
    listed = {app["name"]: app["used"] for app in documents["list"]["apps"] if app["version"]}
    assert listed == {"hero_archipelagos": "download", "hero_os": "download"}
    assert [(part["part"], part["change"]) for part in documents["diff"]["parts"]] == [
        ("hero_archipelagos/notes", "changed")
    ]
    assert documents["verify"]["exit"] == 0
    output = installed.ok("show", "hero_archipelagos")
    assert "bundles    maps, notes" in output
    assert "restarts   hero_os" in output
    explained = installed.ok("explain", "hero_archipelagos")
    assert "hero_archipelagos/maps: download v2, because release v2 carries all 2 bundles" in explained
    assert "hero_archipelagos/notes: keep v2, because v2 is installed and intact" in explained
    assert "hero_archipelagos/radio: remove" in explained


QUESTIONS = ("status", "list", "show hero_archipelagos", "diff", "verify", "explain hero_archipelagos", "history")


def test_damage_is_found_and_repaired(installed: World) -> None:
    glue = installed.root.path / desktops.ISLANDS / "notes" / "notes.js"
    good = glue.read_text()
    glue.write_text("rotten")
    done = installed.run("verify", "hero_archipelagos", "--json")
    (app,) = worlds.valid(done.document)["apps"]
    assert (done.code, len(app["damage"])) == (5, 1)
    assert "notes/notes.js" in app["damage"][0]
    installed.ok("islands", "notes")
    assert glue.read_text() == good
    glue.write_text("rotten again")
    installed.ok("verify", "--repair")
    assert glue.read_text() == good
    installed.ok("verify")


def test_taken_off_they_are_gone_and_the_others_stay(installed: World) -> None:
    installed.ok("uninstall", "hero_archipelagos")
    assert there(installed) == []
    assert not (installed.root.path / desktops.ISLANDS).exists()
    assert (refusals.program_output(installed.root, "hero_os_server"), version(installed, "", SHELL)) == (
        "hero_os_server v1\n",
        "v1",
    )
    installed.ok("rollback")
    assert state(installed) == of("v1", "notes", "radio")
    roots.settled(installed.root)


def test_missing_parts_of_the_desktop_are_reported_until_they_are_installed(world: World) -> None:
    """Each command prints the warning once, and still succeeds."""
    release(world, "v1", "notes")
    shell = "⚠ desktop shell WASM bundle not found at ~/hero/share/hero_os/shell\n"

    def warnings(*words: str) -> tuple[int, int]:
        done = world.run(*words, env=at_home(world))
        assert done.code == 0, done.err
        return done.err.count(desktops.WARNING), done.err.count(shell)

    assert warnings("install", "hero_os") == (1, 1)
    assert warnings("status") == (1, 1)
    assert warnings("install", "hero_os", "hero_os") == (1, 1)
    assert warnings("shell") == (1, 0)
    assert warnings("status", "hero_os") == (1, 0)
    document = world.run("status", "--json", env=at_home(world)).document
    assert [item["text"] for item in worlds.valid(document)["warnings"]] == [
        "per-island WASM bundles not found at ~/hero/share/hero_os/islands"
    ]
    assert warnings("islands") == (0, 0)
    assert warnings("status") == (0, 0)
    assert warnings("install", "hero_os", "--reset") == (0, 0)


def test_a_missing_supervisor_does_not_fail_the_install(home: World) -> None:
    release(home, "v1", "notes")
    home.ok("install", "hero_os")
    done = home.run("islands", "--restart", "--json")
    document = worlds.valid(done.document)
    (problem,) = document["restart"]["failed"]
    assert (done.code, problem["kind"], document["failed"]) == (9, "RuntimeUnreachable", [])
    assert "Start hero_router, or zinit" in problem["hint"]
    assert there(home) == ["notes"]
    roots.settled(home.root)


def test_the_index_is_as_its_schema_says(installed: World) -> None:
    import jsonschema

    schema = json.loads((worlds.REPO / "docs" / "islands.schema.json").read_text())
    index = json.loads((installed.root.path / desktops.ISLANDS / "islands.json").read_text())
    jsonschema.validate(index, schema)
    assert [island["entry"] for island in index["islands"]] == ["notes/notes.js", "radio/radio.js"]


def test_a_shell_alone_is_no_installed_app(world: World) -> None:
    """Its programs are not there, whatever else is."""
    release(world, "v1", "notes")
    world.ok("shell")
    (app,) = worlds.valid(world.run("status", "hero_os", "--json").document)["apps"]
    assert (app["state"], app["version"], [bundle["name"] for bundle in app["bundles"]]) == (
        "absent",
        None,
        ["hero_os_app"],
    )
    listed = worlds.valid(world.run("list", "--json").document)["apps"]
    assert next(item for item in listed if item["name"] == "hero_os")["version"] is None


def test_upgrade_brings_program_shell_and_islands_in_one_generation(installed: World) -> None:
    release(installed, "v2", "notes", "maps")
    outdated = worlds.valid(installed.run("outdated", "--json").document)
    assert [(app["name"], app["version"], app["latest"]) for app in outdated["apps"]] == [
        ("hero_archipelagos", "v1", "v2"),
        ("hero_os", "v1", "v2"),
    ]
    out = installed.ok("upgrade")
    assert state(installed) == of("v2", "maps", "notes"), out
    assert roots.settled(installed.root).number == 4
    assert "nothing to do" in installed.ok("upgrade")
    installed.ok("rollback")
    assert state(installed) == of("v1", "notes", "radio")


def test_upgrade_of_a_phase_that_is_not_installed_adds_none(world: World) -> None:
    release(world, "v1", "notes")
    world.ok("shell")
    release(world, "v2", "notes")
    world.ok("upgrade")
    assert (version(world, "", SHELL), there(world)) == ("v2", [])
    assert not (world.root.path / "bin" / "hero_os_server").exists()
