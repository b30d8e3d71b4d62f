"""Bad input: content, a manifest or a link that was damaged: detected, refused where it must be, and repaired."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.install.layout import Root
from support import mirrors, roots
from support.elf_files import program, static_bytes
from support.refusals import (
    INSTALL,
    NAMES,
    STARTS,
    Refusal,
    Start,
    check_refusal,
    prepare_root,
    program_output,
    snapshot,
)
from support.worlds import World

pytestmark = pytest.mark.usefixtures("versions")


# content that was damaged


@dataclass(frozen=True, slots=True)
class Damage:
    """What happens to the content of bin/db; `quick`: a look without reading every byte sees it."""

    name: str
    do: Callable[[Path], object]
    message: str
    quick: bool = True


def flip(path: Path) -> None:
    """One bit, and the mtime as it was: only the digest shows it."""
    status, raw = path.stat(), bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


DAMAGES = (
    Damage("overwritten", lambda path: path.write_bytes(b"\x7fELF"), "bin/db has "),
    Damage("truncated", lambda path: os.truncate(path, 100), "bin/db has "),
    Damage("one-bit", flip, "bin/db has other content", quick=False),
    Damage("deleted", lambda path: path.unlink(), "bin/db is missing"),
    Damage("not-executable", lambda path: path.chmod(0o644), "bin/db has mode 0644 instead of 0755", quick=False),
)


def damaged(world: World, damage: Damage) -> Root:
    """A root whose current content of bin/db is damaged; the store has the same inode."""
    root = prepare_root(world, "empty-root").root
    world.ok(*INSTALL, "--version", "v1")
    damage.do(root.place("bin/db").resolve())
    done = world.run("verify")
    assert done.code == 5
    assert damage.message in done.out
    assert "1 of 1 app" in done.out
    assert "Repair: hero-build verify --repair" in done.out
    return root


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_corrupted_store_file_repaired_by_verify(damage: Damage, world: World) -> None:
    root = damaged(world, damage)
    document = json.loads(world.ok("verify", "--repair", "--json"))
    assert document["repair"]["failed"] == []
    check_repair(world, root)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_corrupted_store_file_repaired_by_reinstall(damage: Damage, world: World) -> None:
    """What a look sees is healed unasked; what only reading sees, with --reset."""
    root = damaged(world, damage)
    world.ok(*INSTALL, "--version", "v1", *([] if damage.quick else ["--reset"]))
    check_repair(world, root)


def check_repair(world: World, root: Root) -> None:
    assert program_output(root) == "db v1\n"
    assert "all as recorded in generation" in world.ok("verify")
    roots.settled(root)


def test_repair_does_not_take_other_content_for_the_same(world: World) -> None:
    """The release was published again meanwhile: the recorded files are gone, and the damage is still reported."""
    root = damaged(world, DAMAGES[0])
    files = {mirrors.asset(name): static_bytes(program(name, "v1, anew")) for name in NAMES}
    mirrors.release(world.mirror, app="db", tag="v1", files=files)
    before = snapshot(root)
    done = world.run("verify", "--repair")
    message = f"{mirrors.asset('db')} has the sha256 …, expected …"
    check_refusal(
        done,
        Refusal(
            5, kind="ChecksumMismatch", message=message, hint="Run it again; if it still fails, ask the publisher …"
        ),
    )
    assert snapshot(root) == before


# a manifest that cannot be read


def spoiled(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return spoil


@dataclass(frozen=True, slots=True)
class Broken:
    """What happened to manifest.json, and what is said of it."""

    name: str
    do: Callable[[Path], object]
    message: str


BROKEN = (
    Broken("empty", lambda path: path.write_text(""), "Input data was truncated"),
    Broken("cut-short", lambda path: os.truncate(path, 200), "…"),
    Broken("no-text", lambda path: path.write_bytes(b"\xff\xfe\0"), "…"),
    Broken("another-document", lambda path: path.write_text("[1]"), "it has no schema number"),
    Broken("without-a-schema", lambda path: path.write_text("{}"), "it has no schema number"),
    Broken(
        "older",
        spoiled(lambda document: document.update(schema=0)),
        "schema 0 is not 1, no released hero-build wrote it",
    ),
    Broken(
        "newer", spoiled(lambda document: document.update(schema=2)), "schema 2 is not 1, a newer hero-build wrote it"
    ),
    Broken(
        "of-another-shape",
        spoiled(lambda document: document.update(apps=[])),
        "Expected `object`, got `array` - at `$.apps`",
    ),
    Broken("gone", lambda path: path.unlink(), "…No such file or directory…"),
    Broken(
        "leaving-the-root",
        lambda path: path.write_text(path.read_text().replace('"bin/db"', '"../../etc/passwd"')),
        "the path '../../etc/passwd' leaves the root",
    ),
)
LISTS = "`hero-build history` lists the generations that can be read; `hero-build rollback N` restores one."


STARTED = [("over-v1", broken) for broken in BROKEN] + [("empty-root", broken) for broken in BROKEN[:1]]


@pytest.mark.parametrize(("start", "broken"), STARTED, ids=lambda value: getattr(value, "name", value))
def test_manifest(start: Start, broken: Broken, world: World) -> None:
    """Refused by every command that needs it; the hint's commands work, and repair it. The programs keep running."""
    root, path = spoil(broken, start, world)
    before = standing(root)
    refusal = Refusal(
        5, kind="RootDamaged", message=f"{path} cannot be read as a manifest: {broken.message}", hint=LISTS
    )
    check_refusal(world.run(*INSTALL, "--json"), refusal, as_json=True)
    assert standing(root) == before
    assert program_output(root) == "db v2\n"
    current = 2 if start == "over-v1" else 1
    assert str(current) in world.ok("history")
    world.ok("rollback", str(current - 1))
    assert program_output(root) == ("db v1\n" if start == "over-v1" else None)
    roots.settled(root)


def spoil(broken: Broken, start: Start, world: World) -> tuple[Root, Path]:
    """A root whose newest generation, with v2, has a broken manifest; and where that is."""
    root = prepare_root(world, start).root
    roots.install(root, "db", "v2", *NAMES)
    path = (manifest.current(root.path) or root.path) / "manifest.json"
    broken.do(path)
    return root, path


@pytest.mark.parametrize("words", [("uninstall", "db"), ("verify",), ("status",), ("list",), ("gc",)], ids=" ".join)
def test_manifest_broken_for(words: Sequence[str], world: World) -> None:
    root, path = spoil(BROKEN[0], "over-v1", world)
    before = standing(root)
    check_refusal(
        world.run(*words), Refusal(5, kind="RootDamaged", message=f"{path} cannot be read as a manifest: …", hint=LISTS)
    )
    assert standing(root) == before


def standing(root: Root) -> Mapping[str, str]:
    """Everything of a root that an interrupted or refused command may not change: that is, all but the lock."""
    return {
        name: state for name, state in roots.tree(root.path).items() if not name.startswith("var/hero_build/partial")
    }


@pytest.mark.parametrize("start", STARTS)
def test_current_is_gone(start: Start, world: World) -> None:
    """A lost link is not an empty root: nothing is dropped, and a rollback to the newest generation brings all back."""
    root = prepare_root(world, start).root
    world.ok(*INSTALL, "--version", "v1")
    world.ok(*INSTALL)
    newest = root.current.resolve()
    root.current.unlink()
    before = standing(root)
    message = f"{root.current} is missing, although generations exist"
    hint = f"`hero-build rollback {newest.name}` makes the newest one current again."
    for words in (INSTALL, ("status",), ("verify",), ("list",), ("uninstall", "db")):
        check_refusal(world.run(*words), Refusal(5, kind="RootDamaged", message=message, hint=hint))
    assert {**standing(root), **before} == standing(root)
    assert newest.is_dir()
    world.ok("rollback", newest.name)
    assert program_output(root) == "db v2\n"
    roots.settled(root)
