"""How the workers of a test run share the tests: file by file, and the longest first.

The tests of a file run in one worker, in their order, so that what they share is made once. So do files that would wait
for each other (TOGETHER); long files whose tests share nothing are divided (DIVIDED). What takes long comes first: then
no worker waits for another one at the end. How long that is, each run records in cache/tests/seconds.json; what is not
in there yet, SECONDS knows roughly.

xdist's own groups go by a mark that pytest 9.2 no longer lets through, without a word.
"""

import functools
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

TOGETHER: Mapping[str, str] = {
    "tests/scenarios/build/test_zinit.py": "zinit",
    "tests/scenarios/stack/test_zinit.py": "zinit",
}
"""Groups of files: these wait for each other in zinit's workshop."""
DIVIDED = frozenset(
    {
        "tests/scenarios/build/test_noop_cache.py",
        "tests/scenarios/crash/test_kill.py",
        "tests/scenarios/supervisors/test_contract.py",
    }
)
"""Files that take minutes, and whose tests share nothing that takes long."""
SECONDS: Mapping[str, float] = {
    "tests/scenarios/services/test_upgrade.py": 160,
    "tests/scenarios/guides/test_guides.py": 150,
    "tests/scenarios/machines/test_ansible.py": 115,
    "tests/scenarios/islands/test_wasm_pack_identity.py": 100,
    "tests/scenarios/services/test_foreign_start.py": 95,
    "tests/scenarios/machines/test_fleet.py": 90,
    "tests/scenarios/services/test_bad_days.py": 80,
    "tests/scenarios/cockpit/test_live.py": 65,
    "tests/scenarios/desktop/test_restart.py": 60,
    "tests/scenarios/supervisors/test_bad_days.py": 55,
    "tests/scenarios/commands/test_signals.py": 50,
    "tests/scenarios/publish/test_killed.py": 45,
    "tests/scenarios/commands/test_early_signals.py": 45,
    "tests/scenarios/ansible/test_waves.py": 45,
    "tests/project/test_docs_commands.py": 45,
    "zinit": 45,
    "tests/scenarios/services/test_look.py": 40,
    "tests/scenarios/services/test_stack.py": 40,
    "tests/scenarios/services/test_every_supervisor.py": 40,
    "tests/scenarios/publish/test_ci.py": 40,
    "tests/source/wasm/test_build.py": 40,
    "tests/scenarios/ansible/test_collection.py": 35,
    "tests/scenarios/bad_input/test_checksums.py": 35,
    "tests/scenarios/commands/test_streams.py": 35,
    "tests/scenarios/publish/test_mirror.py": 35,
    "tests/scenarios/publish/test_real_forge.py": 35,
    "tests/scenarios/publish/test_server.py": 35,
    "tests/scenarios/services/test_slow_stop.py": 35,
    "tests/scenarios/crash/test_kill.py": 20,
    "tests/scenarios/supervisors/test_contract.py": 2,
    "tests/scenarios/build/test_noop_cache.py": 2,
}
"""About what files, groups and the tests of divided files take, before a run has recorded it."""


def unit(nodeid: str) -> str:
    """What a test is run together with: a group, its file, or nothing but itself."""
    file = nodeid.split("::")[0]
    return nodeid if file in DIVIDED else TOGETHER.get(file, file)


class ByUnit(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Each unit of tests goes to one worker; where there are fewer units than workers, each test is one."""

    _alone = False

    def schedule(self) -> None:
        if self.collection is None:
            tests = next(iter(self.registered_collections.values()))
            self._alone = len({unit(nodeid) for nodeid in tests}) < self.numnodes
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if self._alone else unit(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByUnit | None:
    if config.getoption("dist") != "loadscope":
        return None
    config.option.loadscopereorder = False  # they come in the order of `pytest_collection_modifyitems`
    return ByUnit(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: two more than there are cores: many tests wait, for services, servers and the disk."""
    return len(os.sched_getaffinity(0)) + 2


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Every worker sorts by the same seconds."""
    node.workerinput["seconds"] = known(node.config.rootpath)


@functools.cache
def known(root: Path) -> Mapping[str, float]:
    """As of the first worker's start, whatever another run records before the last one's."""
    return {**SECONDS, **recorded(root)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker: the longest unit first, and its tests one after the other."""
    if not hasattr(config, "workerinput"):
        return
    seconds = config.workerinput["seconds"]
    units = [unit(item.nodeid) for item in items]
    first = {name: number for number, name in reversed(list(enumerate(units)))}
    taken = {name: seconds.get(name, seconds.get(name.split("::")[0], 0)) for name in first}
    keys = {id(item): (-taken[name], first[name]) for item, name in zip(items, units, strict=True)}
    items.sort(key=lambda item: keys[id(item)])


def pytest_configure(config: pytest.Config) -> None:
    selected = config.option.keyword or config.option.markexpr or any("::" in word for word in config.args)
    if not hasattr(config, "workerinput") and not selected:  # whole files take what they take
        config.pluginmanager.register(Recorder(config.rootpath))


class Recorder:
    """Adds up what the units of this run take, and keeps it for the next one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._taken = Counter[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._taken[unit(report.nodeid)] += round(report.duration * 1000)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if not self._taken or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        taken = {name: number / 1000 for name, number in self._taken.items()}
        file = _file(self._root)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps({**recorded(self._root), **taken}, indent=0))
        part.replace(file)


def recorded(root: Path) -> Mapping[str, float]:
    """What the units took when they last ran."""
    try:
        seconds: Mapping[str, float] = json.loads(_file(root).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return seconds


def _file(root: Path) -> Path:
    return root / "cache" / "tests" / "seconds.json"
