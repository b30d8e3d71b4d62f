"""Bad input: a root that may not be written, has no room, or lies elsewhere than the cache."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import mirrors, roots
from support.elf_files import program, static_bytes
from support.mount_namespaces import inside, namespace
from support.refusals import (
    INSTALL,
    NAMES,
    STARTS,
    Refusal,
    Start,
    check_consistent,
    check_refusal,
    check_refused_run,
    prepare_root,
    program_output,
    snapshot,
)
from support.worlds import World

BIG = 300_000
FREE = "Free some space (`hero-build gc` drops old generations), then run it again."
LIMIT = "Raise the limit on the size of a file (`ulimit -f`), or name another with --root where files may be larger."
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
MOUNTED = 'mount -t tmpfs -o "$1" tmpfs "$0" && shift && exec "$@"'


def writable(hint_at: object) -> str:
    return f"Make {hint_at} writable for this user, or name another with --root."


@pytest.fixture(autouse=True)
def releases(world: World) -> None:
    """v1 and v2 in a mirror; v2 is large."""
    mirrors.release(world.mirror, app="db", tag="v1", files=mirrors.programs("v1", *NAMES))
    files = {mirrors.asset(name): static_bytes(program(name, "v2"), BIG) for name in NAMES}
    mirrors.release(world.mirror, app="db", tag="v2", files=files)


def plain_user() -> tuple[str, ...]:
    """A prefix that makes root an ordinary user as far as permissions go; empty for those who are."""
    if os.geteuid() != 0:
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("setpriv, which takes root's powers away, is not there (util-linux)")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")


def sealed(folder: Path) -> None:
    """No folder below may be written."""
    for parent, _, _ in os.walk(folder, topdown=False):
        Path(parent).chmod(0o555)


def released(folder: Path) -> None:
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o755)


@pytest.mark.parametrize("start", STARTS)
def test_root_not_writable(start: Start, world: World) -> None:
    """Plain permissions, as of a root that belongs to somebody else."""
    root = prepare_root(world, start).root
    sealed(root.path)
    folder = root.path if start == "empty-root" else root.partial
    refusal = Refusal(
        8, kind="NotWritable", message=f"cannot write at {folder}/…: Permission denied", hint=writable(folder)
    )
    try:
        check_refused_run(world, refusal, start, prefix=plain_user())
    finally:
        released(root.path)


@pytest.mark.parametrize("name", ["current/manifest.json", "held.json"])
def test_what_may_not_be_read_is_not_damaged(name: str, world: World) -> None:
    root = prepare_root(world, "over-v1").root
    path = root.state / name
    path.touch()
    path.chmod(0)
    place = Path(os.path.realpath(path)) if name == "held.json" else root.generations / "1" / "manifest.json"
    hint = f"Make {place} readable for this user, or name another with --root."
    refusal = Refusal(8, kind="NotWritable", message=f"{place} cannot be read: Permission denied", hint=hint)
    for words in (INSTALL, ("upgrade", "db")):
        check_refusal(world.run(*words, prefix=plain_user()), refusal)


def test_a_recipe_that_may_not_be_read(world: World) -> None:
    path = world.recipes / "db.py"
    path.chmod(0)
    message = f"the recipe {path} cannot be read: Permission denied"
    refusal = Refusal(2, kind="RecipeError", message=message, hint="Make it a readable file.")
    check_refused_run(prepare_root(world, "over-v1"), refusal, "over-v1", prefix=plain_user())


@pytest.mark.parametrize("start", STARTS)
def test_root_on_a_filesystem_mounted_read_only(start: Start, world: World) -> None:
    root = prepare_root(world, start).root
    refusal = Refusal(
        8, kind="NotWritable", message=f"cannot write at {root.path}/…: Read-only file system", hint=writable("…")
    )
    check_refused_run(world, refusal, start, prefix=namespace(READ_ONLY, str(root.path)))


@dataclass(frozen=True, slots=True)
class Place:
    """Something of another kind where a folder of the root should be."""

    name: str
    spoil: Callable[[Path], object]
    message: str


def file_at(inside: str) -> Callable[[Path], object]:
    def spoil(root: Path) -> None:
        place = root / inside
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("mine")

    return spoil


PLACES = (
    Place("root-is-a-file", file_at(""), "{root} is in the way (Not a directory)"),
    Place("root-is-a-dangling-link", lambda root: root.symlink_to("nowhere"), "{root} is in the way (File exists)"),
    Place("var-is-a-file", file_at("var"), "{root}/var is in the way (Not a directory)"),
    Place("state-is-a-file", file_at("var/hero_build"), "{root}/var/hero_build is in the way (Not a directory)"),
    Place("partial-is-a-file", file_at("var/hero_build/partial"), "{root}/var/hero_build/partial is in the way (…)"),
    Place("staging-is-a-file", file_at("var/hero_build/staging"), "{root}/var/hero_build/staging is in the way (…)"),
    Place("store-is-a-file", file_at("var/hero_build/store"), "{root}/var/hero_build/store is in the way (…)"),
    Place(
        "generations-is-a-file",
        file_at("var/hero_build/generations"),
        "{root}/var/hero_build/generations is in the way (…)",
    ),
    Place(
        "lock-is-a-folder",
        lambda root: (root / "var/hero_build/lock").mkdir(parents=True),
        "{root}/var/hero_build/lock is in the way (Is a directory)",
    ),
    Place("bin-is-a-file", file_at("bin"), "{root}/bin is …"),
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_root_where(place: Place, world: World) -> None:
    """And once it is moved away, as the hint says, the same command succeeds."""
    place.spoil(world.root.path)
    kept = [path for path in (world.root.path, *world.root.path.rglob("*")) if path.is_file() or path.is_symlink()]
    done = world.run(*INSTALL)
    check_refusal(
        done, Refusal(8, kind="NotWritable", message=place.message.format(root=world.root.path), hint="…ove it away…")
    )
    assert all(path.is_symlink() or path.read_text() == "mine" for path in kept)
    culprit = re.search(r"(/\S+) is ", done.err)
    assert culprit
    os.rename(culprit[1], world.folder / "moved")
    world.ok(*INSTALL)
    assert program_output(world.root) == "db v2\n"


@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/hero"])
def test_a_device_where_the_root_is_to_be(place: str, world: World) -> None:
    """No hint says to move it away."""
    refusal = Refusal(8, kind="NotWritable", message="/dev/null is in the way (…)", hint="…name another with --root…")
    check_refusal(world.run("--root", place, *INSTALL), refusal)


@pytest.mark.parametrize(
    "words",
    [
        ("--root", "hero", "list"),
        ("lock", "db", "-o", "lock"),
        ("mirror", "db", "mirror"),
        ("pack", "db", "-o", "pack"),
    ],
    ids=lambda words: " ".join(words),
)
def test_the_working_folder_is_gone(words: tuple[str, ...], world: World) -> None:
    """Only what is relative to it needs it."""
    gone = world.folder / "gone"
    start = ("sh", "-c", f'mkdir {gone}; cd {gone}; rmdir {gone}; exec "$@"', "sh")
    refusal = Refusal(
        8, kind="MachineError", message="the folder that this command was started in is gone", hint="…cd…"
    )
    check_refusal(world.run(*words, prefix=start), refusal)
    done = world.run(*INSTALL, prefix=start)
    assert done.code == 0, done.err


@pytest.mark.parametrize("start", STARTS)
def test_disk_full_by_RLIMIT_FSIZE(start: Start, world: World) -> None:
    """No file may grow beyond 100 kB: as full as a disk can be for one that needs 300."""
    root = prepare_root(world, start).root
    refusal = Refusal(8, kind="DiskFull", message=f"a file may not grow (File too large) at {root.partial}", hint=LIMIT)
    check_refused_run(world, refusal, start, prefix=("sh", "-c", 'ulimit -f 200; exec "$@"', "sh"))


@pytest.mark.parametrize("start", STARTS)
def test_disk_full(start: Start, world: World) -> None:
    """A filesystem of 400 kB, for an upgrade that needs 600."""
    (world.folder / "start").write_text(start)
    world.root.path.mkdir()
    inside(small_disk, world.folder, MOUNTED, str(world.root.path), "size=400k")


def small_disk(folder: Path) -> None:
    world, start = World(folder), STARTS[STARTS.index((folder / "start").read_text())]
    prepare_root(world, start)
    reason = f"the disk is full (No space left on device) at {world.root.partial}"
    check_refused_run(world, Refusal(8, kind="DiskFull", message=reason, hint=FREE), start)


def test_disk_full_at_every_point(world: World) -> None:
    """A filesystem without room for another file, or for one, or two, until the upgrade finds room for all of its."""
    world.root.path.mkdir()
    inside(no_files_left, world.folder, MOUNTED, str(world.root.path), "size=64m")


def no_files_left(folder: Path) -> None:
    world = prepare_root(World(folder), "over-v1")
    status = os.statvfs(world.root.path)
    used, seen = status.f_files - status.f_ffree, set()
    for more in range(100):
        subprocess.run(["mount", "-o", f"remount,nr_inodes={used + more}", world.root.path], check=True)
        done = world.run("--jobs", "1", *INSTALL)  # each point comes up, in this order
        if done.code == 0:
            break
        seen.add(Path(done.err.rsplit(" at ", 1)[1].partition("\n")[0]).name.partition("-")[0])
        check_refusal(
            done, Refusal(8, kind="DiskFull", message="the disk is full (No space left on device) at …", hint=FREE)
        )
        assert program_output(world.root) == "db v1\n"
        roots.check(world.root)
    assert more >= 5, "so many files must be made"
    assert seen == {"partial", "scratch", "hero"}, "downloading, the files beside it, and committing"
    assert program_output(world.root) == "db v2\n"
    check_consistent(world.root)


@pytest.mark.parametrize("start", STARTS)
def test_root_on_another_filesystem_than_the_cache(start: Start, world: World) -> None:
    """The cache and the root are two disks; a mirror and a lock file that are made by way of the cache, a third."""
    (world.folder / "start").write_text(start)
    for name in ("cache", "hero", "third"):
        (world.folder / name).mkdir()
    script = 'cd "$0" && for i in cache hero third; do mount -t tmpfs tmpfs $i || exit 1; done; exec "$@"'
    inside(three_disks, world.folder, script, str(world.folder))


def three_disks(folder: Path) -> None:
    world, start = World(folder), STARTS[STARTS.index((folder / "start").read_text())]
    third = folder / "third"
    assert len({path.stat().st_dev for path in (folder, world.root.path, folder / "cache", third)}) == 4
    prepare_root(world, start)
    world.ok("mirror", "db", str(third / "mirror"))
    world.ok("lock", "db", "-o", str(third / "hero.lock"))
    world.ok("--forge", (third / "mirror").as_uri(), *INSTALL)
    world.ok("uninstall", "db")
    world.ok("install", "--locked", str(third / "hero.lock"))
    assert program_output(world.root) == "db v2\n"
    check_consistent(world.root)


def test_foreign_file_on_another_filesystem_than_the_state(world: World) -> None:
    """It cannot be kept by a link, and is not lost by a copy: it stays where it is."""
    for name in ("bin", "var"):
        (world.root.path / name).mkdir(parents=True)
    (world.root.path / "bin" / "db").write_text("mine")
    inside(state_elsewhere, world.folder, MOUNTED, str(world.root.path / "var"), "size=64m")


def state_elsewhere(folder: Path) -> None:
    world = World(folder)
    before = snapshot(world.root)
    message = f"{world.root.path}/bin/db cannot be kept: Invalid cross-device link"
    check_refusal(
        world.run(*INSTALL), Refusal(8, kind="NotWritable", message=message, hint="Move it away, then run it again.")
    )
    assert snapshot(world.root) == before
    (world.root.path / "bin" / "db").unlink()
    world.ok(*INSTALL)
    assert program_output(world.root) == "db v2\n"
    check_consistent(world.root)


@pytest.mark.parametrize("start", STARTS)
def test_bin_leads_elsewhere(start: Start, world: World) -> None:
    """Links through `..` would dangle there, however well all else went."""
    root = prepare_root(world, start).root
    root.place("bin").mkdir(exist_ok=True)
    root.place("bin").rename(world.folder / "elsewhere")
    root.place("bin").symlink_to(world.folder / "elsewhere")
    before = snapshot(root)
    message = f"{root.path}/bin is a link to {world.folder}/elsewhere, where relative links to programs do not work"
    hint = "Make it a folder of the root, and put that folder into your PATH instead."
    check_refusal(world.run(*INSTALL), Refusal(8, kind="NotWritable", message=message, hint=hint))
    assert snapshot(root) == before
