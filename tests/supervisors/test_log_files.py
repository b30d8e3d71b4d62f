"""Reading a log file from its end, and following it over rotations."""

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from hero_build.supervisors import log_files


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_without_a_file_there_are_no_lines(log: Path) -> None:
    assert log_files.last_lines(log, 10) == ()


@pytest.mark.parametrize(
    ("content", "count", "lines"),
    [
        ("a\nb\nc\n", 2, ("b", "c")),
        ("a\nb\nc", 2, ("b", "c")),
        ("a\r\nb\n", 9, ("a", "b")),
        ("\n\n", 9, ("", "")),
        ("", 9, ()),
        ("a\n", 0, ()),
    ],
)
def test_the_last_lines(log: Path, content: str, count: int, lines: tuple[str, ...]) -> None:
    log.write_text(content, newline="")
    assert log_files.last_lines(log, count) == lines


def test_lines_that_were_rotated_away_are_read_too(log: Path) -> None:
    log.with_name("app.log.2").write_text("one\n")
    log.with_name("app.log.1").write_text("two\nthr")
    log.write_text("ee\nfour\n")
    assert log_files.last_lines(log, 10) == ("one", "two", "three", "four")
    assert log_files.last_lines(log, 2) == ("three", "four")


def test_a_line_is_cut_at_the_limit(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "MAX_TAIL", 10)
    log.write_text("x" * 100 + "\nend\n")
    assert log_files.last_lines(log, 5) == ("xxxxx", "end")


def test_a_log_is_followed_over_a_rotation_and_a_truncation(log: Path) -> None:
    append(log, "old\nlast\n")
    followed = log_files.follow(log, 1)
    assert next(followed) == "last"
    append(log, "a\nb")
    assert next(followed) == "a"
    append(log, "c\n")
    os.replace(log, log.with_name("app.log.1"))
    append(log, "new\n")
    assert (next(followed), next(followed)) == ("bc", "new")
    os.truncate(log, 0)
    append(log, "x\n")
    assert next(followed) == "x"
    followed.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("rotated", [False, True])
def test_a_line_that_is_written_while_the_last_ones_are_read_comes_once(
    log: Path, monkeypatch: pytest.MonkeyPatch, rotated: bool
) -> None:
    """Written, and rotated away, between any two steps of the reader."""
    append(log, "old\nlast\nha")
    numbers, reads = iter(range(100)), log_files._end_of

    def busy(file: BinaryIO, limit: int) -> bytes:
        append(log, f"lf\nbefore {next(numbers)}\n")
        content = reads(file, limit)
        append(log, "after\n")
        if rotated:
            os.replace(log, log.with_name("app.log.1"))
            append(log, "new\n")
        return content

    monkeypatch.setattr(log_files, "_end_of", busy)
    followed = log_files.follow(log, 100)
    lines = [next(followed) for _ in range(5 + rotated)]
    assert lines == ["old", "last", "half", "before 0", "after", *(["new"] if rotated else [])]
    followed.close()  # type: ignore[attr-defined]


def test_a_line_that_is_not_finished_comes_once_and_whole(log: Path) -> None:
    append(log, "old\nha")
    followed = log_files.follow(log, 5)
    assert next(followed) == "old"
    append(log, "lf\n")
    assert next(followed) == "half"
    followed.close()  # type: ignore[attr-defined]


def test_a_log_that_is_written_is_rotated_in_place(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "LOG_BYTES", 10)
    log.with_name("app.log.1").write_text("older\n")
    with log.open("a", buffering=1) as service:
        service.write("first\nsecond\n")
        inode = log.stat().st_ino
        assert log_files.rotate_in_place(log)
        service.write("third\n")
        assert not log_files.rotate_in_place(log), "it is small again"
    assert (log.read_text(), log.stat().st_ino) == ("third\n", inode), "the service goes on in its file"
    assert log.with_name("app.log.1").read_text() == "second\n", "the newest whole lines within the limit"
    assert log.with_name("app.log.2").read_text() == "older\n"
    assert log_files.last_lines(log, 9) == ("older", "second", "third")
    log.chmod(0o640)
    for number in range(9):
        append(log, f"{number}" * 20 + "\n")
        assert log_files.rotate_in_place(log)
    assert sorted(path.name for path in log.parent.iterdir()) == ["app.log", *(f"app.log.{n}" for n in (1, 2, 3))]
    assert log.with_name("app.log.1").stat().st_mode & 0o777 == 0o640


def test_a_log_that_cannot_be_copied_stays(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "LOG_BYTES", 10)
    log.write_text("x" * 50)
    log.with_name("app.log.new").mkdir()
    assert not log_files.rotate_in_place(log)
    assert log.read_text() == "x" * 50
    assert not log_files.rotate_in_place(log.with_name("none.log"))
