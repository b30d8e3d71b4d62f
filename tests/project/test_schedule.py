"""Which tests run, and how workers share them: what belongs together runs in one of them, the longest first."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from support import schedule
from support.worlds import REPO

TEST = """import os, pathlib, pytest
@pytest.mark.parametrize("number", range({tests}))
def test_it(number):
    with pathlib.Path("ran").open("a") as ran:
        print("{name}", os.environ["PYTEST_XDIST_WORKER"], file=ran)
"""
GROUP = [name for name in schedule.TOGETHER if schedule.TOGETHER[name] == "zinit"]


def test_a_file_and_a_group_run_in_one_worker_and_the_longest_comes_first(tmp_path: Path) -> None:
    longest = max(schedule.SECONDS, key=schedule.SECONDS.__getitem__)
    files = {**dict.fromkeys(GROUP, 2), "tests/a/test_a.py": 3, "tests/test_b.py": 40, longest: 3}
    ran = run(tmp_path, files)
    workers: dict[str, set[str]] = {}
    for file, worker in ran:
        workers.setdefault(schedule.unit(f"{file}::test_it[0]"), set()).add(worker)
    assert len(workers) == 4
    assert all(len(names) == 1 for names in workers.values()), workers
    assert len(set.union(*workers.values())) == 2, "one of two workers had nothing to do"
    assert longest in firsts(ran)
    assert schedule.recorded(tmp_path).keys() == workers.keys()


def test_what_took_longest_in_the_last_run_comes_first(tmp_path: Path) -> None:
    files = {"tests/test_a.py": 2, "tests/test_b.py": 2, "tests/test_c.py": 2}
    (tmp_path / "cache" / "tests").mkdir(parents=True)
    (tmp_path / "cache" / "tests" / "seconds.json").write_text('{"tests/test_c.py": 9.5}')
    assert "tests/test_c.py" in firsts(run(tmp_path, files))


def test_the_tests_of_a_single_file_are_divided(tmp_path: Path) -> None:
    assert len({worker for _, worker in run(tmp_path, {"tests/test_a.py": 20})}) == 2


def firsts(ran: Sequence[tuple[str, str]]) -> set[str]:
    """The files that the workers began with."""
    return set({worker: file for file, worker in reversed(ran)}.values())


def run(folder: Path, files: Mapping[str, int]) -> list[tuple[str, str]]:
    """The file and the worker of each test, in the order in which they ran."""
    for name, tests in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(TEST.format(name=name, tests=tests))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", "-p", "support.schedule"]
    command += ["--import-mode=importlib", "-o", "norecursedirs=.*"]
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    env["PYTHONPATH"] = str(REPO / "tests")
    done = subprocess.run([*command, "--rootdir", "."], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in (folder / "ran").read_text().splitlines()]
    assert len(lines) == sum(files.values()), done.stdout + str(lines)
    return [(file, worker) for file, worker in lines]


def test_no_folder_of_tests_is_left_out(pytestconfig: pytest.Config) -> None:
    folders = {folder for file in (REPO / "tests").rglob("test_*.py") for folder in file.relative_to(REPO).parents}
    left_out = pytestconfig.getini("norecursedirs")
    assert {str(folder) for folder in folders for name in left_out if folder.match(name)} == set()


def test_every_file_that_is_named_exists() -> None:
    named = {*schedule.TOGETHER, *schedule.DIVIDED, *schedule.SECONDS} - {*schedule.TOGETHER.values()}
    assert [name for name in named if not (REPO / name).is_file()] == []
