"""The folder of downloads under way, as several runs share it."""

import fcntl
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.errors import NotWritable
from hero_build.forge.download_dir import DownloadDir, delete_stale
from support.users import NOBODY_IN_PARTICULAR

NAME = "key.mark.10"
OTHER = NOBODY_IN_PARTICULAR


def test_a_file_is_locked_by_one_writer(tmp_path: Path) -> None:
    with DownloadDir(tmp_path) as one, DownloadDir(tmp_path) as other:
        descriptor = one.lock(NAME, create=True)
        assert descriptor is not None
        assert other.lock(NAME, create=True) is None
        assert one.lock(NAME, create=False) is None
        os.close(descriptor)
        second = other.lock(NAME, create=False)
        assert second is not None
        os.close(second)
        assert other.lock("key.mark.11", create=False) is None


def test_a_private_file_belongs_to_one_run(tmp_path: Path) -> None:
    with DownloadDir(tmp_path) as one, DownloadDir(tmp_path) as other:
        files = [one.private(NAME), one.private(NAME), other.private(NAME)]
        assert len({path for _, path in files}) == 3
        for descriptor, _ in files:
            os.close(descriptor)


def test_a_complete_file_belongs_to_the_run_until_it_ends(tmp_path: Path) -> None:
    with DownloadDir(tmp_path) as one:
        (tmp_path / NAME).write_bytes(b"0123456789")
        path = one.done(tmp_path / NAME)
        assert not (tmp_path / NAME).exists()
        with DownloadDir(tmp_path) as other:
            assert list(other.names("key")) == []
        assert path.read_bytes() == b"0123456789"
    assert (tmp_path / NAME).read_bytes() == b"0123456789"
    assert [entry.name for entry in tmp_path.iterdir()] == [NAME]


def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    with DownloadDir(tmp_path) as one:
        (tmp_path / NAME).write_bytes(b"first")
        one.done(tmp_path / NAME)
        (tmp_path / NAME).write_bytes(b"second")
    assert (tmp_path / NAME).read_bytes() == b"second"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_dead_run_is_taken_over(tmp_path: Path) -> None:
    dead = tmp_path / "run-dead"
    dead.mkdir(parents=True)
    (dead / f"{NAME}.abc").write_bytes(b"left")
    with DownloadDir(tmp_path) as downloads:
        assert list(downloads.names("key")) == [NAME]
        assert not dead.exists()


def _stress(folder: str, number: int) -> int:
    """Claims, writes and gives back the same name, over and over; how often it got it."""
    count = 0
    for _ in range(60):
        with DownloadDir(Path(folder)) as downloads:
            descriptor = downloads.lock(NAME, create=True)
            if descriptor is None:
                continue
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(number).encode() * 10, 0)
            path = downloads.done(Path(folder) / NAME)
            count += path.read_bytes() == str(number).encode() * 10
            os.close(descriptor)
    return count


def test_concurrent_runs_never_mix_their_bytes(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        count = pool.starmap(_stress, [(str(tmp_path), number) for number in range(4)])
    assert sum(count) > 0
    left = list(tmp_path.iterdir())
    assert [entry.name for entry in left] in ([], [NAME])
    assert all(len(set(entry.read_bytes())) == 1 for entry in left)


def test_delete_stale_keeps_new_files_and_files_in_use(tmp_path: Path) -> None:
    with DownloadDir(tmp_path) as downloads:
        used = downloads.lock("used.mark.1", create=True)
        assert used is not None
        os.pwrite(used, b"1", 0)
        (tmp_path / NAME).write_bytes(b"0123456789")
        (tmp_path / "new.mark.3").write_bytes(b"abc")
        for name in ("used.mark.1", NAME):
            os.utime(tmp_path / name, (1, 1))
        assert delete_stale(tmp_path, time.time() - 60) == 10
        assert sorted(entry.name for entry in tmp_path.iterdir() if entry.is_file()) == ["new.mark.3", "used.mark.1"]
        os.close(used)
    assert delete_stale(tmp_path / "nowhere", 0) == 0
    assert not (tmp_path / "nowhere").exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable), DownloadDir(tmp_path / "file" / "partial"):
        pass


@pytest.fixture
def users_folder() -> Iterator[Path]:
    """A folder of a user, as whom the test runs, with a file and the folder of a run that the superuser left."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / NAME).write_bytes(b"01234")
        (folder / NAME).chmod(0o600)
        (folder / "run-dead").mkdir(mode=0o700)
        (folder / "run-dead" / "key.mark.11.x").write_bytes(b"01234")
        os.chown(folder, OTHER, OTHER)
        os.seteuid(OTHER)
        try:
            yield folder
        finally:
            os.seteuid(0)


def test_another_users_file_in_ones_own_folder_is_replaced(users_folder: Path) -> None:
    with DownloadDir(users_folder) as downloads:
        assert downloads.lock(NAME, create=False) is None
        assert not (users_folder / NAME).exists()
        descriptor = downloads.lock(NAME, create=True)
        assert descriptor is not None
        os.close(descriptor)
    assert (users_folder / NAME).stat().st_uid == OTHER


@pytest.mark.parametrize("create", [True, False])
def test_another_users_file_that_is_being_written_is_left(users_folder: Path, *, create: bool) -> None:
    os.seteuid(0)
    with (users_folder / NAME).open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        os.seteuid(OTHER)
        with DownloadDir(users_folder) as downloads:
            assert downloads.lock(NAME, create=create) is None
            descriptor, path = downloads.private(NAME)
            os.close(descriptor)
            assert downloads.done(path) == path
        assert delete_stale(users_folder, time.time() + 60) == 0
        os.seteuid(0)
        assert (users_folder / NAME).read_bytes() == b"01234"


def test_another_users_file_in_a_shared_folder_is_left(users_folder: Path) -> None:
    os.seteuid(0)
    os.chown(users_folder, 0, OTHER)
    users_folder.chmod(0o2775)
    os.setegid(OTHER)
    try:
        os.seteuid(OTHER)
        with DownloadDir(users_folder) as downloads:
            assert downloads.lock(NAME, create=True) is None
    finally:
        os.seteuid(0)
        os.setegid(0)
    assert (users_folder / NAME).read_bytes() == b"01234"


def test_another_users_stale_file_is_deleted(users_folder: Path) -> None:
    assert delete_stale(users_folder, time.time() + 60) == 5
    assert not (users_folder / NAME).exists()


def test_a_folder_of_ones_own_that_may_not_be_written(users_folder: Path) -> None:
    with DownloadDir(users_folder) as downloads:
        users_folder.chmod(0o500)
        with pytest.raises(PermissionError):
            downloads.lock("key.mark.12", create=True)
        assert downloads.lock(NAME, create=True) is None
        users_folder.chmod(0o700)
