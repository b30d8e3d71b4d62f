"""`install` as a process."""

import subprocess
from pathlib import Path

import pytest

from hero_build import manifest
from support import roots, worlds
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


def runs(world: World, name: str) -> str:
    """What the installed program prints."""
    done = subprocess.run([world.root.path / "bin" / name], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_install_prints_the_changes_and_the_undo_command(world: World) -> None:
    done = world.run("install", "db", "--version", "v1")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "generation 1: db v1 (download). Undo: hero-build rollback 0"
    assert "db: download v1" in done.err
    assert "\x1b" not in done.out + done.err
    assert runs(world, "db_admin") == "db_admin v1"


def test_the_printed_undo_command_undoes_an_upgrade(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    last = world.ok("install", "db").splitlines()[-1]
    assert last == "generation 2: db v1 -> v2 (download). Undo: hero-build rollback 1"
    world.ok(*last.split("hero-build ")[1].split())
    assert runs(world, "db") == "db v1"
    assert roots.settled(world.root).number == 3


def test_the_undo_command_names_a_given_root(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert f"Undo: hero-build --root {other} rollback 0" in world.ok("--root", str(other), "install", "db")


def test_nothing_to_do_creates_no_generation(world: World) -> None:
    world.ok("install", "@both")
    assert world.ok("install", "@both") == "nothing to do: 2 apps as asked, intact\n"
    assert world.ok("install", "db").startswith("nothing to do: db: v2 is installed and intact")
    assert manifest.load(world.root.path).number == 1


def test_one_generation_for_a_set_and_one_document(world: World) -> None:
    done = world.run("install", "@both", "--json")
    document = worlds.valid(done.document)
    assert (done.code, document["exit"], document["before"], document["after"]) == (0, 0, 0, 1)
    assert [(part["part"], part["state"], part["version_after"]) for part in document["parts"]] == [
        ("db", "installed", "v2"),
        ("web", "installed", "v1"),
    ]
    assert document["parts"][0]["items"][0]["verified"] == ["length", "sha256", "elf"]
    assert document["undo"] == "hero-build rollback 0"


def test_a_failed_app_does_not_affect_the_others(world: World) -> None:
    world.recipe("late")
    done = world.run("install", "db", "late", "--json", "--mode", "download")
    document = worlds.valid(done.document)
    assert (done.code, document["exit"]) == (1, 1)
    (failed,) = document["failed"]
    assert (failed["app"], failed["kind"], failed["exit"]) == ("late", "RepoNotFound", 3)
    assert failed["hint"]
    assert "error: late: " in done.err
    assert runs(world, "db") == "db v2"


def test_equal_failures_end_with_their_code(world: World) -> None:
    world.recipe("late")
    world.recipe("later")
    done = world.run("install", "late", "later", "--mode", "download")
    assert done.code == 3
    assert done.out == "nothing changed: nothing is installed\n"
    assert not (world.root.path / "bin").exists()


def test_different_failures_end_with_1(world: World) -> None:
    world.recipe("late")
    world.recipe("late2", refuses='"it is a container"')
    done = world.run("install", "late", "late2", "--json")
    codes = {item["exit"] for item in worlds.valid(done.document)["failed"]}
    assert codes == {3, 8}
    assert done.code == 1


def test_a_broken_recipe_is_reported_with_its_file(world: World) -> None:
    path = world.recipes / "broken.py"
    path.write_text("raise RuntimeError('\x1b[31mred')\n")
    done = world.run("install", "broken")
    assert done.code == 2
    assert str(path) in done.err
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("flags", [["--mode", "source"], ["--ref", "main"]])
def test_a_build_without_a_repository(flags: list[str], world: World) -> None:
    done = world.run("install", "db", *flags)
    assert done.code == 3
    assert "no repository at file:///" in done.err
    assert "nothing changed" in done.out


def test_dry_run_prints_the_plan_and_changes_nothing(world: World) -> None:
    done = world.run("install", "@both", "-n", "--json")
    document = worlds.valid(done.document)
    assert (done.code, document["dry_run"]) == (0, True)
    assert {part["state"] for part in document["parts"]} == {"to download"}
    assert all(part["bytes"] > 0 for part in document["parts"])
    assert not world.root.path.exists()
    assert "dry run, nothing was changed: 2 to download" in world.ok("install", "@both", "-n")


def test_unmet_needs_give_one_warning_or_are_installed(world: World) -> None:
    done = world.run("install", "web")
    assert done.err.count("warning: web needs db, which is not installed") == 1
    assert "  hint: hero-build install db" in done.err
    world.ok("uninstall", "web")
    done = world.run("install", "web", "--with-needs", "--json")
    assert [part["app"] for part in done.document["parts"]] == ["db", "web"]
    assert done.document["warnings"] == []


def test_warnings_are_in_the_document(world: World) -> None:
    document = worlds.valid(world.run("install", "web", "--json").document)
    assert document["warnings"] == [{"text": "web needs db, which is not installed", "hint": "hero-build install db"}]


def test_quiet_prints_only_errors(world: World) -> None:
    done = world.run("install", "web", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    done = world.run("-q", "install", "web", "--version", "v9", "--mode", "download")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: web: ")


def test_verbose_prints_each_asset_and_check(world: World) -> None:
    out = world.ok("install", "db", "-v")
    assert roots.platform().__str__() in out
    assert out.count("length sha256 elf") == 2


def test_checksum_required(world: World) -> None:
    world.release("web", "v2", checksums=False)
    done = world.run("install", "web", "--checksum", "required")
    assert done.code == 5
    assert "has no checksum for" in done.err
    world.ok("install", "web")


def test_install_repairs_damage_and_reset_reinstalls(world: World) -> None:
    world.ok("install", "db")
    (world.root.path / "bin" / "db").unlink()
    (world.root.path / "bin" / "db").write_text("mine")
    assert "db v2 repaired (bin/db was replaced by something else" in world.ok("install", "db")
    assert runs(world, "db") == "db v2"
    done = world.run("install", "db", "--reset")
    assert "db: download v2" in done.err
    assert done.out == "nothing to do: db: what came is what is installed\n"


def test_colour_only_if_it_is_on(world: World) -> None:
    assert "\x1b[1m" in world.run("install", "db", "--color", "always").out
    assert "\x1b" not in world.run("status", "--color", "never").out
    assert "\x1b" not in world.run("status").out


def test_equal_failures_are_one_line_and_an_equal_hint_is_printed_once(world: World) -> None:
    names = [f"app{number}" for number in range(12)]
    for name in names:
        world.recipe(name)
    done = world.run("--forge", "file:///nowhere/at/all", "install", *names, "--json")
    assert len(done.document["failed"]) == 12
    assert done.err.count("hint: ") == 1
    assert done.err.count("error: ") == 1
    assert f"error: {', '.join(names)}: " in done.err


def test_different_failures_with_one_hint_keep_their_sentences(world: World) -> None:
    for name in ("one", "two"):
        world.recipe(name)
    world.release("web", "v2", "other")
    done = world.run("install", "one", "two", "web", "--mode", "download")
    assert done.code == 3
    assert [line.split(":")[1].strip() for line in done.err.splitlines() if line.startswith("error: ")] == [
        "one",
        "two",
        "web",
    ]
    hints = [line for line in done.err.splitlines() if line.startswith("  hint: ")]
    assert len(hints) == len(set(hints))
