"""What a command commits is on the disk before the rename that commits it, and all of it once the command has ended.

No power is cut: each command runs under strace, and its calls are replayed on a disk that forgets what was not synced
(tests/support/power_cut.py).
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from support import packs, power_cut, strace
from support.keys import Keys
from support.power_cut import SYNCS, Call, Disk
from support.worlds import World

pytestmark = [strace.traced, pytest.mark.timeout(1800)]
STEPS = (("install", "db", "web"), ("install", "db@v1"), ("uninstall", "web"), ("rollback",))


def run(world: World, *words: str) -> tuple[list[Call], Disk]:
    """The calls of a command, and the disk before it."""
    disk = power_cut.before(world.folder)
    return power_cut.trace(words, environ=world.environ(), folder=world.folder), disk


def lost_at_renames(calls: Sequence[Call], disk: Disk) -> dict[str, list[str]]:
    """For each path that something is renamed to, what of it would be lost at that moment; `disk`: afterwards."""
    lost: dict[str, list[str]] = {}

    def look(disk: Disk, source: str, target: str) -> None:
        lost[target] = disk.lost(Path(source))

    power_cut.replay(calls, disk, look)
    return lost


def lost_at_flips(calls: Sequence[Call], disk: Disk, world: World) -> list[list[str]]:
    """What would be lost of the root each time that another generation becomes the current one; `disk`: afterwards."""
    root, state = world.root.path, world.root.state
    lost: list[list[str]] = []

    def look(disk: Disk, _source: str, target: str) -> None:
        if Path(target) == state / "current":
            lost.append(disk.lost(state / "store", state / "generations", *(root / name for name in ("bin", "lib"))))

    power_cut.replay(calls, disk, look)
    return lost


def test_a_generation_is_on_the_disk_before_it_is_the_current_one(two_apps: World) -> None:
    """All of it afterwards, with the folders that a first install makes; scratch files and reports may go."""
    root, state = two_apps.root.path, two_apps.root.state
    kept = (root / "bin", state / "store", state / "generations", state / "current")
    for words in STEPS:
        calls, disk = run(two_apps, *words)
        assert lost_at_flips(calls, disk, two_apps) == [[]], words
        assert disk.lost(*kept) == [], words
        made = {str(path) for path in (two_apps.folder, root, root / "var")}
        assert made.isdisjoint(disk.lost(two_apps.folder)), words


def test_a_lock_file_and_its_signature_replace_the_old_ones_whole(two_apps: World, tmp_path: Path) -> None:
    keys, file = Keys(tmp_path, "fleet"), two_apps.folder / "locks" / "hero.lock"
    file.parent.mkdir()
    for app in ("db", "web"):
        calls, disk = run(two_apps, "lock", app, "-o", str(file), "--sign", str(keys.secret))
        lost = lost_at_renames(calls, disk)
        assert {path: lost[path] for path in (str(file), f"{file}.minisig")} == {str(file): [], f"{file}.minisig": []}
        assert disk.lost(file.parent) == []


def test_releases_of_a_mirror_are_on_the_disk_before_they_have_their_name(two_apps: World) -> None:
    mirror = two_apps.folder / "new" / "mirror"
    calls, disk = run(two_apps, "mirror", "db", "web", str(mirror))
    lost = {path: names for path, names in lost_at_renames(calls, disk).items() if Path(path).is_relative_to(mirror)}
    assert {str(mirror / "o" / "db" / name) for name in ("v2", "latest")} <= lost.keys()
    assert [names for names in lost.values() if names] == []
    assert disk.lost(mirror.parent) == []
    assert str(two_apps.folder) not in disk.lost(two_apps.folder), "the entry of the folder `new`"


def test_a_pack_is_on_the_disk_before_it_has_its_name(two_apps: World) -> None:
    file = two_apps.folder / "packs" / "tester.pyz"
    file.parent.mkdir()
    disk = power_cut.before(two_apps.folder)
    environ = {**two_apps.environ(), "HERO_BUILD_CACHE": str(packs.CACHE)}
    calls = power_cut.trace(("pack", "db", "-o", str(file)), environ=environ, folder=two_apps.folder)
    assert lost_at_renames(calls, disk)[str(file)] == []
    assert disk.lost(file.parent) == []


def test_the_lock_file_of_a_machine_is_on_the_disk(two_apps: World) -> None:
    two_apps.ok("lock", "db", "-o", str(two_apps.mirror / "both.lock"))
    calls, disk = run(two_apps, "fleet", "converge", "both", "--at", str(two_apps.mirror))
    cfg = two_apps.root.path / "cfg"
    assert lost_at_renames(calls, disk)[str(cfg / "set.lock")] == []
    assert disk.lost(cfg / "set.lock", two_apps.root.path / "bin") == []
    assert {str(cfg), str(two_apps.root.path), str(two_apps.folder)}.isdisjoint(disk.lost(two_apps.folder))


def test_the_journal_of_an_app_keeps_its_earlier_operations(two_apps: World) -> None:
    """The file that replaces it is on the disk before; what was recorded last may go, and nothing else."""
    two_apps.ok("install", "db@v1")
    calls, disk = run(two_apps, "install", "db", "web")
    lost = lost_at_renames(calls, disk)
    folder = two_apps.root.state / "operations"
    assert lost[str(folder / "db.json")] == []
    assert lost[str(folder / "web.json")] != [], "the first one of an app waits for no disk"


def test_the_replay_sees_each_sync_that_is_left_out(two_apps: World) -> None:
    """That these tests can fail: without the syncs of contents, and without those of folders, something is lost."""
    calls, _ = run(two_apps, "install", "db", "web")
    root = two_apps.root
    for left_out in (root.state / "partial", root.generations, root.path / "bin"):
        kept = [call for call in calls if call.name not in SYNCS or not call.files[0].startswith(str(left_out))]
        assert lost_at_flips(kept, Disk({}), two_apps) != [[]], left_out
