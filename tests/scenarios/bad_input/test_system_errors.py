"""An error of the system is not a state of the data: each read of a command fails once, as strace(1) injects it.

The command then ends with the right result, or is refused with exit code 8 and a sentence: never "damaged", "absent" or
"no checksum", and never a traceback. If the failure came after the commit, the sentence says that, too.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import roots
from support.refusals import check_no_leak, snapshot
from support.strace import traced
from support.worlds import Done, World

READS = "openat,newfstatat,readlink,getdents64"
SENTENCES = "too many files are open|cannot be used: Input/output error|cannot be read or written: Input/output error"
_STRACE_LINE = re.compile(r"^strace: .*\n", re.MULTILINE)


@pytest.fixture
def upgradable(two_apps: World) -> World:
    """db v1 is installed, whose newest release is v2, and web."""
    (two_apps.mirror / "o" / "db" / "latest").write_text("v1\n")
    two_apps.ok("install", "db", "web", "--mode", "download")
    (two_apps.mirror / "o" / "db" / "latest").write_text("v2\n")
    return two_apps


@traced
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("install", "db", "--mode", "download"), "openat:error=EMFILE"),
        (("install", "db", "--mode", "download"), "newfstatat,readlink,getdents64:error=EIO"),
        (("uninstall", "web"), f"{READS}:error=EIO"),
        (("status",), f"{READS}:error=EIO"),
    ],
    ids=["install-EMFILE", "install-EIO", "uninstall-EIO", "status-EIO"],
)
def test_a_read_that_fails_decides_nothing(words: tuple[str, ...], fault: str, upgradable: World) -> None:
    world = upgradable
    kept = world.folder / "kept"
    shutil.copytree(world.root.path, kept, symlinks=True)
    before = snapshot(world.root)
    log = world.folder / "strace.log"
    expected = run(world, words, "-o", str(log), "-y", "-e", f"trace={READS}")
    assert expected.code == 0, expected.err
    after = snapshot(world.root)
    places = tuple(read_places(log, fault.partition(":")[0], (world.root.path, world.mirror)))
    assert len(places) > 10
    refused = 0
    for place in places:
        if after != before:
            shutil.rmtree(world.root.path)
            shutil.copytree(kept, world.root.path, symlinks=True)
        injection = ("-P", str(place), "-e", f"trace={READS}", "-e", f"inject={fault}:when=1")
        done = run(world, words, "-o", os.devnull, *injection)
        check_no_leak(done)
        state = snapshot(world.root)
        if done.code == 0:
            assert state == after, place
            assert done.out == expected.out or after != before, place
            continue
        refused += 1
        assert done.code == 8, (place, done.err)
        assert re.search(SENTENCES, done.err), (place, done.err)
        assert (state != before) == ("was committed before that" in done.err), (place, done.err)
        roots.check(world.root)
    assert refused


@traced
@pytest.mark.parametrize("when", ["1", "1+"])
def test_a_file_system_without_locks(when: str, upgradable: World) -> None:
    """An NFS mount whose lock service does not run."""
    before = snapshot(upgradable.root)
    words = ("install", "db", "--mode", "download")
    done = run(upgradable, words, "-o", os.devnull, "-e", f"inject=flock:error=ENOLCK:when={when}")
    check_no_leak(done)
    assert done.code == 8
    assert "cannot be locked: No locks available" in done.err
    assert "Use a file system with locks" in done.err
    assert snapshot(upgradable.root) == before


def run(world: World, words: tuple[str, ...], *options: str) -> Done:
    done = world.run(*words, env={"PYTHONDONTWRITEBYTECODE": "1"}, prefix=("strace", "-f", "-qq", *options))
    return Done(done.code, done.out, _STRACE_LINE.sub("", done.err))


def read_places(log: Path, calls: str, folders: tuple[Path, ...]) -> Iterator[Path]:
    """The paths below these folders that these calls of a command looked at, each once."""
    pattern = rf'^\d+ +(?:{calls.replace(",", "|")})\((?:AT_FDCWD<[^>]*>, )?"([^"]+)"'
    for name in dict.fromkeys(re.findall(pattern, log.read_text(), re.MULTILINE)):
        if any(Path(name).is_relative_to(folder) for folder in folders):
            yield Path(name)
