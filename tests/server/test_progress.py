"""Few steps of what only counts, and never without the last one."""

from hero_build.events import CompileProgress, Planning, Transferred
from hero_build.model.installed import PartId
from hero_build.server.progress import OperationStep, Progress
from support.processes import until

PART = PartId("app")


def test_the_last_count_is_sent_though_nothing_follows() -> None:
    steps: list[OperationStep] = []
    report = Progress(steps.append)
    for done in range(100):
        report(CompileProgress(PART, done=done, total=None, crate="app"))
    assert until(lambda: steps[-1].done == 99)
    assert len(steps) < 50


def test_what_is_counted_comes_before_what_followed_it() -> None:
    steps: list[OperationStep] = []
    report = Progress(steps.append)
    for _ in range(3):
        report(Transferred(PART, 10))
    report(Planning("other"))
    assert [(step.kind, step.done) for step in steps] == [("transfer", 10), ("transfer", 30), ("plan", None)]


def test_a_count_that_is_complete_is_sent_at_once() -> None:
    steps: list[OperationStep] = []
    report = Progress(steps.append)
    report(CompileProgress(PART, done=1, total=3, crate="a"))
    report(CompileProgress(PART, done=2, total=3, crate="b"))
    report(CompileProgress(PART, done=3, total=3, crate="c"))
    assert [step.done for step in steps] == [1, 3]
