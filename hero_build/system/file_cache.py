"""A small file that keeps the answers of slow tools by a key of all that they depend on."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from hero_build.os_errors import raise_for_machine
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import decode_json
from hero_build.system.regular_file import read_regular

_MAX_ENTRIES = 50
_LARGEST_FILE = 64 << 20  # bytes


def cached(file: Path, key: str, ask: Callable[[], str], still: Callable[[], bool] = lambda: True) -> str:
    """The answer that `file` has for `key`, else that of `ask`, which is then stored. What `ask` raises propagates.

    `still` is called after `ask`: unless it returns True, the key has changed meanwhile, and the answer is not stored.
    """
    answers = _read(file)
    if key not in answers:
        answers = {**answers, key: ask()}
        if still():
            _write(file, answers)
    return answers[key]


def lookup(file: Path) -> Mapping[str, str]:
    """All answers that `file` has, by key."""
    return _read(file)


def store(file: Path, key: str, answer: str, most: int = _MAX_ENTRIES) -> None:
    """Keep an answer, and the `most` newest of all."""
    store_all(file, {key: answer}, most)


def store_all(file: Path, new: Mapping[str, str], most: int = _MAX_ENTRIES) -> None:
    """Keep answers by key, and the `most` newest of all."""
    others = {name: text for name, text in _read(file).items() if name not in new}
    _write(file, {**others, **new}, most)


def file_stamp(path: Path) -> str:
    """A word that changes when the file at a path does."""
    try:
        status = path.stat()
    except OSError as error:
        raise_for_machine(error, path)
        return "absent"
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _read(file: Path) -> dict[str, str]:
    try:
        return decode_json(read_regular(file, _LARGEST_FILE), kind=dict[str, str])
    except (OSError, ValueError):
        return {}


def _write(file: Path, answers: Mapping[str, str], most: int = _MAX_ENTRIES) -> None:
    """Best effort: without the cache, a tool runs once more."""
    newest = dict(list(answers.items())[-most:])
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, msgspec.json.encode(newest), mode=0o600)
