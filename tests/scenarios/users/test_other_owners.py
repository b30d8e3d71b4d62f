"""A root with files of another user: `sudo hero-build` was used once, or a group shares it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hero_build.install.layout import Root
from support import roots
from support.mount_namespaces import namespace
from support.refusals import check_no_leak, program_output
from support.users import NOBODY_IN_PARTICULAR, as_user
from support.worlds import World, valid

ME, OTHER, GROUP = NOBODY_IN_PARTICULAR, NOBODY_IN_PARTICULAR + 1, NOBODY_IN_PARTICULAR + 2
NOEXEC = 'mount -t tmpfs -o noexec tmpfs "$0" && exec "$@"'


def give(folder: Path, uid: int, group: int | None = None) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid if group is None else group, follow_symlinks=False)


def checks(world: World, name: str, prefix: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    """The state, value and hint of each row of `doctor` with this name."""
    document = valid(world.run("doctor", "--json", prefix=prefix).document)
    return [(row["state"], row["value"], row.get("hint", "")) for row in document["checks"] if row["name"] == name]


@pytest.fixture
def mine(two_apps: World) -> tuple[str, ...]:
    """A prefix that makes a command mine; the root's folder and the cache are mine, and empty."""
    prefix = as_user(ME)
    for folder in (two_apps.root.path, two_apps.folder / "cache"):
        folder.mkdir()
        os.chown(folder, ME, ME)
    return prefix


def stores(root: Root) -> list[Path]:
    return [path for folder in (root.store, root.generations) for path in folder.rglob("*") if path.is_file()]


def test_an_upgrade_copies_files_of_another_user(two_apps: World, mine: tuple[str, ...]) -> None:
    """A link to them is refused (fs.protected_hardlinks), and the folders are this user's."""
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1":
        pytest.skip("fs.protected_hardlinks is off here")
    assert two_apps.run("install", "db", "web", "--version", "v1", prefix=mine).code in (0, 2, 3)
    assert two_apps.run("install", "web", prefix=mine).code == 0
    for path in stores(two_apps.root):
        os.chown(path, 0, 0)
    done = two_apps.run("install", "db", prefix=mine)
    assert done.code == 0, done.err
    owner = {path.name: path.stat().st_uid for path in (two_apps.root.current / "bin").iterdir()}
    assert owner == {"db": ME, "db_admin": ME, "web": ME}
    assert two_apps.run("verify", prefix=mine).code == 0
    assert program_output(two_apps.root) == "db v2\n"


def in_store(root: Root) -> Path:
    return root.store


def in_generations(root: Root) -> Path:
    return root.generations


def in_state(root: Root) -> Path:
    return root.state


def in_bin(root: Root) -> Path:
    return root.place("bin")


@pytest.mark.parametrize("place", [in_store, in_generations, in_state, in_bin])
def test_folders_of_another_user_end_with_the_command_that_helps(
    place: Callable[[Root], Path], two_apps: World, mine: tuple[str, ...]
) -> None:
    assert two_apps.run("install", "db", "--version", "v1", prefix=mine).code == 0
    folder = place(two_apps.root)
    os.chown(folder, 0, 0)
    done = two_apps.run("install", "db", "web", prefix=mine)
    assert done.code == 8, done.err
    check_no_leak(done)
    command = f"sudo chown -R {ME} {two_apps.root.path}"
    assert f"hint: {folder} is owned by root: `{command}`." in done.err
    assert program_output(two_apps.root) == "db v1\n"
    subprocess.run(command.removeprefix("sudo ").split(), check=True)
    assert two_apps.run("install", "db", "web", prefix=mine).code == 0
    assert program_output(two_apps.root) == "db v2\n"
    roots.settled(two_apps.root)


def test_a_generation_of_another_user_is_not_deleted(two_apps: World, mine: tuple[str, ...]) -> None:
    """The system names such a file without its folder."""
    for words in (("db", "--version", "v1"), ("db",)):
        assert two_apps.run("install", *words, prefix=mine).code == 0
    folder = two_apps.root.generation(1) / "bin"
    os.chown(folder, 0, 0)
    done = two_apps.run("gc", "--keep", "1", prefix=mine)
    assert done.code == 8, done.err
    check_no_leak(done)
    command = f"sudo chown -R {ME} {two_apps.root.path}"
    assert f"is owned by root: `{command}`." in done.err
    assert f"cannot write at {two_apps.root.path}" in done.err
    assert two_apps.run("verify", prefix=mine).code == 0
    subprocess.run(command.removeprefix("sudo ").split(), check=True)
    assert two_apps.run("gc", "--keep", "1", prefix=mine).code == 0
    roots.settled(two_apps.root)


def test_a_root_that_the_superuser_made_in_ones_own_folder(two_apps: World, mine: tuple[str, ...]) -> None:
    os.chown(two_apps.folder, ME, ME)
    two_apps.ok("install", "db", "--version", "v1")
    give(two_apps.root.path, 0)
    done = two_apps.run("install", "db", prefix=mine)
    assert done.code == 8
    assert f"`sudo chown -R {ME} {two_apps.root.path}`" in done.err


def test_a_root_of_another_user_is_not_to_be_taken(two_apps: World, mine: tuple[str, ...]) -> None:
    two_apps.ok("install", "db", "--version", "v1")
    give(two_apps.root.path, OTHER)
    done = two_apps.run("install", "db", prefix=mine)
    assert done.code == 8
    assert "chown" not in done.err
    assert "name another with --root" in done.err


def test_doctor_counts_what_others_own(two_apps: World, mine: tuple[str, ...]) -> None:
    assert two_apps.run("install", "db", prefix=mine).code == 0
    assert checks(two_apps, "owner", mine) == [("ok", "one user", "")]
    assert checks(two_apps, "owner") == [("ok", "one user", "")]  # the superuser looks at somebody's root
    path = two_apps.root.path
    give(two_apps.root.store, 0)
    count = 1 + 2 * len(os.listdir(two_apps.root.store))  # the folder, its files, their links in the generation
    hint = f"`sudo chown -R {ME} {path}`"
    for prefix in (mine, ()):
        ((state, value, shown),) = checks(two_apps, "owner", prefix)
        assert (state, shown) == ("warning", hint)
        assert value.startswith(f"{count} of another user, first {two_apps.root.path}/")
        assert value.endswith(" of root")


def test_doctor_sees_a_mount_that_runs_nothing(two_apps: World) -> None:
    two_apps.root.path.mkdir()
    assert checks(two_apps, "mount") == [("ok", "programs may run from it", "")]
    ((state, value, hint),) = checks(two_apps, "mount", namespace(NOEXEC, str(two_apps.root.path)))
    assert (state, value) == ("warning", f"{two_apps.root.path} is mounted noexec: no installed program can start")
    assert "Mount it without noexec" in hint


@pytest.fixture
def shared(two_apps: World) -> World:
    """A root of a group: setgid, and writable for its members."""
    as_user(ME)
    two_apps.root.path.mkdir()
    os.chown(two_apps.root.path, ME, GROUP)
    two_apps.root.path.chmod(0o2775)
    return two_apps


def as_member(world: World, uid: int) -> tuple[str, ...]:
    cache = world.folder / f"cache-{uid}"
    if not cache.exists():
        cache.mkdir()
        os.chown(cache, uid, uid)
    return (*as_user(uid, GROUP, umask="002"), "env", f"HERO_BUILD_CACHE={cache}")


def test_members_of_a_group_take_turns(shared: World) -> None:
    one, other = as_member(shared, ME), as_member(shared, OTHER)
    steps = (
        (one, ("install", "db", "--version", "v1")),
        (other, ("install", "web")),
        (other, ("install", "db")),
        (one, ("rollback",)),
        (other, ("rollback",)),
        (one, ("uninstall", "web")),
        (other, ("gc", "--keep", "1")),
        (one, ("install", "web")),
        (one, ("gc", "--keep", "1")),
    )
    for member, words in steps:
        done = shared.run(*words, prefix=member)
        assert done.code == 0, (words, done.err)
        for reader in (one, other):
            done = shared.run("verify", prefix=reader)
            assert done.code == 0, (words, done.out, done.err)
    assert program_output(shared.root) == "db v2\n"
    assert {row[:2] for row in checks(shared, "owner", other)} == {("ok", f"shared by the group {GROUP}")}
    roots.settled(shared.root)


def test_a_member_whose_umask_keeps_the_group_out(shared: World) -> None:
    """Its folders are not writable for the others; doctor and the error give the command that makes them so."""
    one, other = as_member(shared, ME), as_member(shared, OTHER)
    assert shared.run("install", "web", prefix=one).code == 0
    careless = (*as_user(ME, GROUP, umask="022"), "env", f"HERO_BUILD_CACHE={shared.folder}/cache-{ME}")
    assert shared.run("install", "db", "--version", "v1", prefix=careless).code == 0
    command = f"sudo find {shared.root.path} -type d -exec chmod g+rwxs {{}} +"
    ((state, value, hint),) = checks(shared, "owner", other)
    assert (state, hint) == ("warning", f"`{command}`")
    assert "folders that the group may not write" in value
    subprocess.run(["sh", "-c", command.removeprefix("sudo ")], check=True)
    assert shared.run("install", "db", prefix=other).code == 0
    assert shared.run("gc", "--keep", "1", prefix=other).code == 0
    assert shared.run("verify", prefix=one).code == 0
