"""The phases from source, through the command line: what is built, what is kept, what fails alone, and what goes."""

import pytest

from support import desktops, refusals, roots, worlds
from support.desktops import at_home, bundle, os_sources, problems, sources, there, version
from support.refusals import Refusal
from support.worlds import World

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("toolchain")]
FOUR = ["island_greeter", "island_notes", "island_shouter", "island_sketch"]


def commits(world: World) -> dict[str, str]:
    """Which commit each installed bundle was built from, by its name."""
    apps = world.run("status", "--json").document["apps"]
    return {item["name"]: item["version"] for app in apps for item in app["bundles"]}


def test_an_island_that_is_broken_fails_alone(world: World) -> None:
    code = sources(world, "greeter", "notes", "shouter")
    world_ok(world, code, "islands")
    old = bundle(world, "island_notes")
    before = commits(world)
    code.edit("islands/greeter/src/lib.rs", '"greeter"', '"other greeter"')
    broken = code.edit("islands/notes/src/lib.rs", "u32 {", "u32 { let number: u32 = words;")

    done = world.run("islands", "--update", env=code.environ)
    assert done.code == 1, done.err
    assert "error: hero_archipelagos/island_notes: island_notes does not compile: error[E0425]" in done.err
    assert "let number: u32 = words;" in done.err.split("error: hero_archipelagos")[0]
    assert bundle(world, "island_notes") == old
    assert b"other greeter" in bundle(world, "island_greeter")["island_greeter_bg.wasm"]
    assert commits(world) == {
        "island_greeter": broken[:12],
        "island_notes": before["island_notes"],
        "island_shouter": broken[:12],
    }
    refusals.check_consistent(world.root)

    again = world.run("islands", "--json", env=code.environ)
    document = worlds.valid(again.document)
    assert (again.code, problems(document)) == (1, {"hero_archipelagos/island_notes": "BuildError"})
    assert {part["state"] for part in document["parts"]} == {"kept"}
    assert any("let number: u32 = words;" in line for line in document["failed"][0]["tail"])
    assert document["after"] == document["before"]

    fixed = code.edit("islands/notes/src/lib.rs", " let number: u32 = words;", "")
    world_ok(world, code, "islands", "--update")
    assert set(commits(world).values()) == {fixed[:12]}
    assert bundle(world, "island_notes") == old
    roots.settled(world.root)


def world_ok(world: World, code: desktops.Code, *words: str) -> str:
    done = world.run(*words, env=code.environ)
    assert done.code == 0, done.err
    return done.out


def test_those_that_are_named_are_the_same_and_only_the_whole_set_takes_away(world: World) -> None:
    code = sources(world, "greeter", "notes", "shouter", "sketch")
    world_ok(world, code, "islands")
    assert there(world) == FOUR
    assert any(name.startswith("snippets/") for name in bundle(world, "island_sketch"))
    assert "nothing to do: 4 bundles as asked, intact" in world_ok(world, code, "islands")
    for question in ("status", "list", "show hero_archipelagos", "explain hero_archipelagos", "diff 0 1", "verify"):
        assert worlds.valid(world.run(*question.split(), "--json", env=code.environ).document)["exit"] == 0
    explained = world_ok(world, code, "explain", "hero_archipelagos")
    assert "island_notes: keep" in explained
    assert "islands     the workspace" in explained
    all_at_once = {name: bundle(world, name) for name in FOUR}
    world.ok("uninstall", "hero_archipelagos")
    world_ok(world, code, "islands", "shouter", "island_sketch")  # a crate's name will do, too
    assert {name: bundle(world, name) for name in there(world)} == {name: all_at_once[name] for name in FOUR[2:]}
    world_ok(world, code, "islands")
    assert {name: bundle(world, name) for name in there(world)} == all_at_once

    code.remove("islands/notes")
    world_ok(world, code, "islands", "--update", "greeter")
    assert there(world) == FOUR
    assert "removed hero_archipelagos/island_notes" in world_ok(world, code, "islands")
    assert there(world) == [name for name in FOUR if name != "island_notes"]
    world.ok("rollback")
    assert bundle(world, "island_notes") == all_at_once["island_notes"]
    message = "no release exists, so it would be built, and the workspace … has no bundle 'island_notes'"
    refusal = Refusal(3, kind="BundleNotFound", message=message, hint="There are: …")
    refusals.check_refusal(world.run("islands", "island_notes", "--json", env=code.environ), refusal, as_json=True)
    roots.settled(world.root)


def test_auto_takes_a_release_that_has_all_and_builds_otherwise(world: World) -> None:
    """Each phase for itself: a release without a shell still brings the program."""
    code, desktop = sources(world, "greeter", "notes"), os_sources(world)
    desktops.islands(world, "v1", "island_greeter", "island_notes")
    desktops.os_release(world, "v1", shell=False)
    world.ok("install", "hero_os")
    world_ok(world, desktop, "shell")
    world_ok(world, code, "islands")
    apps = {app["name"]: app for app in worlds.valid(world.run("status", "--json").document)["apps"]}
    assert apps["hero_os"]["used"] == "download"
    assert [item["used"] for item in apps["hero_os"]["bundles"]] == ["source"]
    assert {item["used"] for item in apps["hero_archipelagos"]["bundles"]} == {"download"}
    output = worlds.valid(world.run("shell", "--json", env=desktop.environ).document)
    assert [(part["state"], part["used"]) for part in output["parts"]] == [("kept", "source")]

    desktops.islands(world, "v2", "island_greeter")
    output = reasons(world, code, "islands", "island_notes", "island_greeter")
    assert set(output.values()) == {"release v2 lacks island_notes-wasm.tar.gz"}
    world_ok(world, code, "islands", "island_notes", "island_greeter")
    assert {len(commit) for name, commit in commits(world).items() if name != "hero_os_app"} == {12}
    output = reasons(world, code, "islands")
    assert output["hero_archipelagos/island_greeter"] == (
        "what is installed was built from source; release v2 carries its bundle"
    )
    world_ok(world, code, "islands")
    assert there(world) == ["island_greeter"]
    assert version(world, "island_greeter") == "v2"
    world_ok(world, code, "islands", "--mode", "source")
    assert there(world) == ["island_greeter", "island_notes"]
    roots.settled(world.root)


def reasons(world: World, code: desktops.Code, *words: str) -> dict[str, str]:
    """Why each part would be had as it would, by part."""
    document = worlds.valid(world.run(*words, "--dry-run", "--json", env=code.environ).document)
    return {part["part"]: part["why"] for part in document["parts"]}


@pytest.mark.parametrize("phase", ["islands", "shell"])
def test_what_a_bundle_reads_outside_the_checkout_counts(phase: str, world: World) -> None:
    """A file that an `include_str!` names: a change is noticed, and without one nothing is compiled."""
    outside = world.folder / "word.txt"
    outside.write_text("first word")
    word = f'include_str!("{outside}")'
    if phase == "islands":
        code, place = sources(world, "greeter"), world.root.path / desktops.ISLANDS / "island_greeter"
        code.edit("islands/greeter/src/lib.rs", '"greeter"', word)
    else:
        code, place = os_sources(world), world.root.path / desktops.SHELL
        label = f'let name = format!("{{name}}{{}}", {word});\n    let words'
        code.edit("app/src/lib.rs", "let words", label)

    def compiled() -> bytes:
        (module,) = place.glob("*.wasm")
        return module.read_bytes()

    world_ok(world, code, phase, "--mode", "source")
    assert b"first word" in compiled()
    assert "nothing to do" in world_ok(world, code, phase, "--mode", "source")
    outside.write_text("other word")
    reason = reasons(world, code, phase, "--mode", "source")
    assert all(why.startswith(f"changed since the last build: {outside};") for why in reason.values()), reason
    world_ok(world, code, phase, "--mode", "source")
    assert b"other word" in compiled()


def test_a_bundle_that_would_be_the_same_stays_and_a_damaged_one_is_made_again(world: World) -> None:
    """It keeps its files; that it was built from another commit is recorded. What lies beside the module counts."""
    code = sources(world, "greeter", "notes", "sketch")
    world_ok(world, code, "islands")
    first = {name: bundle(world, name) for name in there(world)}
    files = {name: inodes(world, name) for name in first}
    code.edit("islands/sketch/Cargo.toml", "[package]", '[package]\nhomepage = "https://sketch.example"')
    commit = code.edit("islands/notes/src/lib.rs", "rotate_left(3)", "rotate_left(5)")
    world_ok(world, code, "islands", "--update")
    assert set(commits(world).values()) == {commit[:12]}
    assert inodes(world, "island_greeter") == files["island_greeter"]
    assert not set(inodes(world, "island_notes").values()) & set(files["island_notes"].values())
    assert b"sketch.example" in bundle(world, "island_sketch")["package.json"]
    assert "nothing to do" in world_ok(world, code, "islands")

    place = world.root.path / desktops.ISLANDS / "island_greeter"
    (place / "island_greeter.js").write_text("rotten")
    code.edit("islands/notes/src/lib.rs", "rotate_left(5)", "rotate_left(7)")
    world_ok(world, code, "islands", "--update")
    assert bundle(world, "island_greeter") == first["island_greeter"]
    assert not set(inodes(world, "island_greeter").values()) & set(files["island_greeter"].values())
    world.ok("verify")
    roots.settled(world.root)


def inodes(world: World, name: str) -> dict[str, int]:
    folder = world.root.path / desktops.ISLANDS / name
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


def test_both_backends_make_the_same_bytes(world: World) -> None:
    code = sources(world, "greeter", "sketch")
    world_ok(world, code, "islands")
    direct = {name: bundle(world, name) for name in there(world)}
    output = world_ok(world, code, "islands", "--backend", "wasm-pack", "-v")
    assert "changed since the last build: bundles" in output
    assert {name: bundle(world, name) for name in there(world)} == direct
    glue = world.root.path / desktops.ISLANDS / "island_sketch" / "island_sketch.js"
    glue.write_text("rotten")
    world_ok(world, code, "verify", "--repair")
    assert bundle(world, "island_sketch") == direct["island_sketch"]


def test_a_dry_run_without_a_checkout_reports_the_build(world: World) -> None:
    code = sources(world, "greeter")
    document = worlds.valid(world.run("islands", "--dry-run", "--json", env=code.environ).document)
    assert [(part["part"], part["state"], part["why"]) for part in document["parts"]] == [
        ("hero_archipelagos", "to build", "no release exists")
    ]
    assert "hero_archipelagos: build, because no release exists" in world_ok(
        world, code, "explain", "hero_archipelagos"
    )
    assert not (world.root.path / "code0").exists()


def test_missing_bundles_are_reported_after_an_install_from_source(home: World) -> None:
    desktop = os_sources(home)
    done = home.run("install", "hero_os", env={**desktop.environ, **at_home(home)})
    assert done.code == 0, done.err
    assert done.err.count(desktops.WARNING) == 1
