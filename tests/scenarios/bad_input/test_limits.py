"""What the machine refuses, wherever it does so: exit code 8 with a sentence, nothing changed, and never a bug."""

import errno
import os
from pathlib import Path

import pytest

from hero_build.errors import HeroBuildError, NotWritable
from hero_build.install.fsutil import link_or_copy
from hero_build.install.layout import Root
from hero_build.os_errors import machine_error
from support import mirrors, roots
from support.elf_files import program, static_bytes
from support.mount_namespaces import namespace
from support.refusals import INSTALL, NAMES, check_consistent, check_no_leak, prepare_root, program_output, snapshot
from support.worlds import World

ON_A_MOUNT = 'mount -t tmpfs tmpfs "$0" && exec "$@"'


@pytest.fixture
def upgrade(world: World) -> World:
    """v1 is installed, and v2 is in a mirror."""
    files = {mirrors.asset(name): static_bytes(program(name, "v2"), 100_000) for name in NAMES}
    mirrors.release(world.mirror, app="db", tag="v2", files=files)
    return prepare_root(world, "over-v1")


@pytest.mark.parametrize("folder", ["store", "partial", "staging", "generations"])
def test_a_folder_of_the_root_on_another_mount(folder: str, upgrade: World) -> None:
    place = upgrade.root.state / folder
    place.mkdir(exist_ok=True)
    before = snapshot(upgrade.root)
    done = upgrade.run(*INSTALL, prefix=namespace(ON_A_MOUNT, str(place)))
    check_no_leak(done)
    if folder in ("staging", "store", "partial"):
        assert done.code == 8
        assert "cannot be moved or linked (Invalid cross-device link)" in done.err
        assert "All folders below var/hero_build must be on one file system" in done.err
    else:
        assert done.code in (5, 8)  # what is installed is behind the mount
    assert snapshot(upgrade.root) == before
    check_consistent(upgrade.root)
    assert upgrade.run(*INSTALL).code == 0
    assert program_output(upgrade.root) == "db v2\n"


@pytest.mark.parametrize("limit", [*range(4, 24, 2), 32])
def test_few_open_files(limit: int, upgrade: World) -> None:
    check_limit(upgrade, f"ulimit -n {limit}", "too many files are open")


@pytest.mark.parametrize("megabytes", [40, 60, 80, 100, 140, 200])
def test_little_memory(megabytes: int, upgrade: World) -> None:
    """Of the address space, with the stacks of threads; below that, Python itself does not start."""
    check_limit(upgrade, f"ulimit -v {megabytes * 1024}", "")


@pytest.mark.parametrize("blocks", [0, 1, 8, 32])
def test_files_may_not_grow(blocks: int, upgrade: World) -> None:
    check_limit(upgrade, f"ulimit -f {blocks}", "a file may not grow")


def check_limit(world: World, limit: str, sentence: str) -> None:
    """A run under a limit succeeds, or is refused with a sentence and changes nothing; without it, all is well."""
    before = snapshot(world.root)
    # Python leaves a truncated compiled copy of a module where it may not write all of it.
    environ = {"PYTHONDONTWRITEBYTECODE": "1"}
    done = world.run(*INSTALL, env=environ, prefix=("sh", "-c", f'{limit}; exec "$@"', "sh"))
    started = "Fatal Python error" not in done.err and ("Traceback" not in done.err or "hero_build" in done.err)
    if not started:  # Python itself needs more
        assert done.code != 0
        assert snapshot(world.root) == before
        return
    check_no_leak(done)
    if done.code != 0:
        assert done.code == 8, done.err
        assert sentence in done.err
        assert "hint: " in done.err
        assert snapshot(world.root) == before
    assert world.run(*INSTALL).code == 0
    assert program_output(world.root) == "db v2\n"
    check_consistent(world.root)


def test_a_root_whose_path_is_too_long(world: World) -> None:
    root = world.folder
    while len(str(root)) < 3900:
        root /= "x" * 200
    done = world.run("--root", str(root / ("y" * 180)), "status")
    assert done.code in (0, 8), done.err
    check_no_leak(done)
    done = world.run("--root", str(world.folder / ("z" * 256)), *INSTALL)
    assert done.code == 8
    check_no_leak(done)
    assert "a path is too long for this file system" in done.err


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(tmp_path / "hero")
    roots.install(root, "db", "v1")

    def refused(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", refused)
        with pytest.raises(NotWritable, match="has no hard links") as caught:
            roots.install(root, "db", "v2")
    assert "by hard links: name a --root where they are possible." in caught.value.hint
    assert roots.settled(root).number == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("number", [errno.EPERM, errno.EMLINK])
def test_a_file_that_alone_may_not_be_linked_is_copied(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fs.protected_hardlinks and another user's file; or a file with all the links that its file system allows."""

    def refused(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    (tmp_path / "a").write_text("content")
    (tmp_path / "a").chmod(0o755)
    os.utime(tmp_path / "a", ns=(1, 1))
    os.chown(tmp_path / "a", 12345, 12345)
    monkeypatch.setattr(os, "link", refused)
    link_or_copy(tmp_path / "a", tmp_path / "b")
    status = (tmp_path / "b").stat()
    assert (tmp_path / "b").read_text() == "content"
    assert (status.st_mode & 0o7777, status.st_mtime_ns) == (0o755, 1)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("libx.so: failed to map segment from shared object"),
        *(OSError(number, os.strerror(number)) for number in (errno.EIO, errno.ESTALE, errno.ENOSPC, errno.EACCES)),
        *(OSError(number, os.strerror(number), "/somewhere/x") for number in sorted(errno.errorcode)
          if number in {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
                        errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV, errno.ENAMETOOLONG, errno.EIO,
                        errno.ESTALE, errno.ELOOP, errno.ENOSYS}),
    ],
    ids=repr,
)  # fmt: skip
def test_what_the_machine_lacks_is_no_bug(error: Exception) -> None:
    failure = machine_error(error)
    assert isinstance(failure, HeroBuildError)
    assert failure.code == 8
    assert failure.hint


@pytest.mark.parametrize(
    "error", [ValueError("x"), RuntimeError("x"), ImportError("no module"), OSError(errno.EBADF, "x")], ids=repr
)
def test_a_bug_stays_a_bug(error: Exception) -> None:
    assert machine_error(error) is None
