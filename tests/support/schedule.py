"""How the workers of a test run share the tests: file by file, and the longest first.

The tests of a file run in one worker, in their order, so that what they share is made once. So do files that would wait
for each other (TOGETHER); long files whose tests share nothing are divided (DIVIDED). What takes long comes first
(SECONDS): then no worker waits for another one at the end.

xdist's own groups go by a mark that pytest 9.2 no longer lets through, without a word.
"""

from collections.abc import Mapping

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER: Mapping[str, str] = {
    "tests/scenarios/build/test_zinit.py": "zinit",
    "tests/scenarios/stack/test_zinit.py": "zinit",
}
"""Groups of files: these wait for each other in zinit's workshop."""
DIVIDED: frozenset[str] = frozenset()
"""Files that take minutes, and whose tests share nothing."""
SECONDS: Mapping[str, int] = {"tests/scenarios/guides/test_guides.py": 90}
"""What files and groups take of one processor, where that is long; `--durations` shows it."""


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker: the longest unit first, and its tests one after the other."""
    if not hasattr(config, "workerinput"):
        return
    units = [unit(item.nodeid) for item in items]
    first = {name: number for number, name in reversed(list(enumerate(units)))}
    keys = {id(item): (-seconds(name), first[name]) for item, name in zip(items, units, strict=True)}
    items.sort(key=lambda item: keys[id(item)])


def seconds(name: str) -> int:
    file = name.split("::")[0]
    return SECONDS.get(name) or SECONDS.get(file, 0)
