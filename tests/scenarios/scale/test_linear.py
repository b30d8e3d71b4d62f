"""A thousand apps cost a thousand times what one does: answers are counted in steps, not in seconds."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from hero_build import __version__
from hero_build.catalog.loader import Catalog, load
from hero_build.install import seal
from hero_build.install.capabilities import warnings
from hero_build.install.commit import commit
from hero_build.install.layout import Root, link_target
from hero_build.install.root_lock import locked
from hero_build.manifest import dump
from hero_build.model.installed import FileEntry, Generation, InstalledArtifact, InstalledPart, Origin, PartId
from hero_build.model.steps import Drop
from hero_build.output.pages.list import page as list_page
from hero_build.output.pages.status import page as status_page
from hero_build.output.terminal import Terminal
from hero_build.queries.diff import diff
from hero_build.queries.list import listing
from hero_build.queries.needs import with_needs
from hero_build.queries.status import status
from hero_build.queries.verify import verify
from support import mirrors

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SMALL, FACTOR = 50, 4
STEPS_TO_CARRY_OVER = 50
"""Of an app from one generation to the next: to find its paths and text, to link its file, to copy its stamp."""


def steps(work: Callable[[], object]) -> int:
    """How many functions are called: the same on every machine, unlike seconds."""
    count = 0

    def tick(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def installed(folder: Path, count: int) -> tuple[Root, Generation, Catalog]:
    """A root with that many apps of one empty file each, and their recipes."""
    root = Root(folder / "hero")
    place = root.generation(1)
    (place / "bin").mkdir(parents=True)
    root.place("bin").mkdir()
    names = [f"app_{number:04}" for number in range(count)]
    for name in names:
        mirrors.recipe(folder / "recipes", name, needs=f'("app_{int(name[4:]) // 2:04}",)')
        (place / "bin" / name).touch(0o755)
        (place / "bin" / name).chmod(0o755)
        root.place(f"bin/{name}").symlink_to(link_target(f"bin/{name}"))
    made = Generation(
        1,
        created="2026-11-20T20:37:00Z",
        tool=f"hero-build {__version__}",
        action="a",
        records={PartId(name): record(name) for name in names},
    )
    (place / "manifest.json").write_text(dump(made))
    (place / seal.NAME).write_text(seal.measure(place, ["manifest.json", *(f"bin/{name}" for name in names)]))
    root.current.symlink_to("generations/1")
    return root, made, load([folder / "recipes"])


def record(name: str) -> InstalledPart:
    origin = Origin(
        "v1", requested="auto", used="download", why="a test", forge="file:///x", repo=f"o/{name}", tag="v1"
    )
    entry = InstalledArtifact(
        name, artifact="binary", files=(FileEntry(f"bin/{name}", sha256=EMPTY, size=0, mode=0o755),), kind="cli"
    )
    return InstalledPart(PartId(name), origin, (entry,))


QUESTIONS: dict[str, Callable[[Root, Generation, Catalog], object]] = {
    "load": lambda root, _made, catalog: load([next(iter(catalog.files.values()))[0].parent]),
    "list": lambda root, made, catalog: listing(root, catalog, made),
    "list page": lambda root, made, catalog: list(list_page(listing(root, catalog, made), Terminal(width=80))),
    "status": lambda root, made, catalog: status(root, catalog, ()),
    "status page": lambda root, made, catalog: list(status_page(status(root, catalog, ()), Terminal(width=80))),
    "verify": lambda root, made, catalog: verify(root, catalog, ()),
    "diff": lambda root, made, catalog: diff(Generation(0), made),
    "needs": lambda root, made, catalog: with_needs(tuple(map(str, made.records)), catalog),
}


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_linear(question: str, tmp_path: Path) -> None:
    ask = QUESTIONS[question]
    ask(*installed(tmp_path / "first", SMALL))  # what is done once, such as imports, is not counted
    few, many = (installed(tmp_path / str(count), count) for count in (SMALL, FACTOR * SMALL))
    small, large = steps(lambda: ask(*few)), steps(lambda: ask(*many))
    assert small > 0
    assert large <= 1.2 * FACTOR * small, f"{small} steps for {SMALL} apps, {large} for {FACTOR * SMALL}"


def test_the_answers_are_whole(tmp_path: Path) -> None:
    root, made, catalog = installed(tmp_path, 5)
    assert [app.state for app in status(root, catalog, ()).apps] == ["intact"] * 5
    checked = verify(root, catalog, ())
    assert (len(checked.apps), checked.damaged, checked.stray) == (5, (), ())
    assert sum(app.version == "v1" for app in listing(root, catalog, made).apps) == 5


def test_an_app_that_stays_costs_a_change_little(tmp_path: Path) -> None:
    def changed(count: int) -> int:
        root, _, _ = installed(tmp_path / str(count), count)
        return steps(lambda: drop_one(root))

    changed(2)  # what is done once, such as imports, is not counted
    small, large = changed(SMALL), changed(FACTOR * SMALL)
    assert 0 < (large - small) / ((FACTOR - 1) * SMALL) <= STEPS_TO_CARRY_OVER


def drop_one(root: Root) -> None:
    with locked(root) as held:
        before, after = commit(held, [Drop(PartId("app_0001"))], "drop one")
    assert len(after.records) == len(before.records) - 1
    assert list(warnings(root, before, after)) == []
    assert diff(before, after).parts[0].change == "removed"
