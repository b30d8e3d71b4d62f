"""The answers that a cache file keeps: by key, a limited number, and never a reason to fail."""

from pathlib import Path

import pytest

from hero_build.system.file_cache import cached, file_stamp, lookup, store, store_all


class Tool:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        return f"answer {self.calls}"


def test_an_answer_is_asked_for_once_a_key(tmp_path: Path) -> None:
    file, tool = tmp_path / "cache" / "answers.json", Tool()
    assert [cached(file, key, tool) for key in ("a", "a", "b", "a")] == ["answer 1", "answer 1", "answer 2", "answer 1"]
    assert [path.name for path in file.parent.iterdir()] == ["answers.json"]


def test_an_answer_whose_key_changed_meanwhile_is_not_kept(tmp_path: Path) -> None:
    file, tool = tmp_path / "answers.json", Tool()
    assert cached(file, "a", tool, still=lambda: False) == "answer 1"
    assert cached(file, "a", tool) == "answer 2"


def test_an_error_is_not_kept(tmp_path: Path) -> None:
    def fail() -> str:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        cached(tmp_path / "answers.json", "a", fail)
    assert cached(tmp_path / "answers.json", "a", Tool()) == "answer 1"


def test_only_the_newest_answers_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    for number in range(60):
        cached(file, str(number), Tool())
    tool = Tool()
    cached(file, "10", tool)
    cached(file, "9", tool)
    assert tool.calls == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\xff"])
def test_a_damaged_file_is_replaced(tmp_path: Path, text: str) -> None:
    file = tmp_path / "answers.json"
    file.write_bytes(text.encode("latin-1"))
    tool = Tool()
    assert [cached(file, "a", tool), cached(file, "a", tool)] == ["answer 1", "answer 1"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    tool = Tool()
    assert [cached(tmp_path / "file" / "answers.json", "a", tool) for _ in range(2)] == ["answer 1", "answer 2"]


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    assert file_stamp(path) == "absent"
    path.write_text("one")
    first = file_stamp(path)
    path.write_text("longer")
    assert len({"absent", first, file_stamp(path)}) == 3


def test_several_answers_are_kept_at_once_and_the_newest_stay(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    store(file, "a", "1", most=3)
    store_all(file, {"b": "2", "c": "3"}, most=3)
    store_all(file, {"a": "4", "d": "5"}, most=3)
    assert lookup(file) == {"c": "3", "a": "4", "d": "5"}
