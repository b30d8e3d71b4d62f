"""Islands and a shell of dioxus 0.7, by hero-build and by wasm-pack: all, one edited, none; and both repositories.

Their dependencies take minutes to compile, so that there are two cold rounds, and the second one is in the other order:
who comes first finds the machine otherwise than who comes second. For the row of two repositories hero-build builds the
shell after the islands into the target folder that all checkouts share; wasm-pack is run in each of the two, which has
a target folder of its own.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from bench import dioxus, floors, islands
from bench.bench import Bench
from bench.islands import Archipelago
from bench.measure import Command, Failed, Meter, Peer, compare, once, seconds
from bench.places import CHECKOUT
from bench.profiles import Recorder, profiled
from bench.result import HERO, Row, Target
from bench.scratch import scratch, starts
from bench.times import Notes

_ROUNDS = 2
_EACH, _ONE = "wasm-pack, each in turn", "wasm-pack, that one alone"
_REPOS = "wasm-pack, in each repository in turn"
_VERSIONS = "dioxus 0.7 and dioxus-bootstrap-css 0.7, without the time to fetch them"


@dataclass(frozen=True, slots=True)
class _Sites:
    """What is built, where: hero-build's root is below `folder`, wasm-pack builds in the clones `tree` and `app`."""

    islands: Archipelago
    shell: Archipelago
    folder: Path
    tree: Path
    app: Path

    def hero(self, bench: Bench, phase: str) -> Command:
        return islands.hero(bench.context, self.islands, self.folder, phase)

    def pack(self, *names: str) -> Command:
        return islands.pack(self.islands, tree=self.tree, names=names, folder=self.folder)

    def pack_shell(self) -> Command:
        return islands.pack(self.shell, tree=self.app, names=("app",), folder=self.folder, below="")


class _Round(Struct, frozen=True):
    """The seconds of both for islands and shell, and what hero-build did meanwhile."""

    theirs: tuple[float, float]
    ours: tuple[float, float]
    notes: tuple[Notes, Notes]


def rows(bench: Bench) -> list[Row]:
    sys.path.insert(0, str(CHECKOUT / "tests"))
    rounds, count = list[_Round](), min(_ROUNDS, bench.rounds)
    with scratch("dioxus") as folder:
        both = dioxus.repositories(folder)
        for number in range(count):
            sites = _sites(both, folder / f"round{number}")
            rounds.append(_round(bench, sites, hero_first=bool(number % 2)))
            _check(sites)
            if number < count - 1:
                shutil.rmtree(sites.folder)
        cold = [_cold(rounds), _repositories(rounds)]
        return [*cold, _edited(bench, sites), _nothing(bench, sites)]


def _sites(both: tuple[Archipelago, Archipelago], folder: Path) -> _Sites:
    folder.mkdir()
    tree, app = (islands.clone(found, folder / name) for found, name in zip(both, ("tree", "app"), strict=True))
    return _Sites(*both, folder, tree, app)


def _round(bench: Bench, sites: _Sites, *, hero_first: bool) -> _Round:
    recorder = Recorder(timed=True)

    def ours() -> tuple[float, float]:
        return _took(HERO, sites.hero(bench, "islands"), recorder), _took(HERO, sites.hero(bench, "shell"), recorder)

    def theirs() -> tuple[float, float]:
        return _took(_EACH, sites.pack(*sites.islands.names)), _took(_REPOS, sites.pack_shell())

    if hero_first:
        we, they = ours(), theirs()
    else:
        they, we = theirs(), ours()
    return _Round(theirs=they, ours=we, notes=(recorder.notes[0], recorder.notes[1]))


def _took(name: str, command: Command, meter: Meter = seconds) -> float:
    return once(Peer(name, lambda _: command), meter)


def _cold(rounds: Sequence[_Round]) -> Row:
    row = Row(
        "dioxus",
        title="4 islands of dioxus from source, cold",
        unit="s",
        samples={_EACH: tuple(one.theirs[0] for one in rounds), HERO: tuple(one.ours[0] for one in rounds)},
        targets=(Target(0.85, _EACH),),
        notes=(_VERSIONS,),
    )
    recorder = Recorder(timed=True, notes=[one.notes[0] for one in rounds])
    return recorder.onto(floors.built(row, recorder.times()))


def _repositories(rounds: Sequence[_Round]) -> Row:
    row = Row(
        "dioxus-repositories",
        title="4 islands and the shell of dioxus, two repositories, cold",
        unit="s",
        samples={_REPOS: tuple(sum(one.theirs) for one in rounds), HERO: tuple(sum(one.ours) for one in rounds)},
        targets=(Target(0.6, _REPOS),),
    )
    recorder, number = Recorder(timed=True, notes=[notes for one in rounds for notes in one.notes]), len(rounds)
    return recorder.onto(floors.built(row, recorder.times(number)), number)


def _edited(bench: Bench, sites: _Sites) -> Row:
    """hero-build builds all of them, and finds the changed one by itself."""

    def after(tree: Path, command: Command) -> Command:
        dioxus.edit(tree)
        return command

    one, all_of_them = sites.pack(dioxus.EDITED), sites.hero(bench, "islands")
    theirs = Peer(_ONE, lambda _: after(sites.tree, one))
    ours = Peer(HERO, lambda _: after(islands.checkout(sites.folder), all_of_them))
    samples = compare([theirs, ours], bench.rounds, seconds)
    title = "4 islands of dioxus from source, one edited"
    row = Row("dioxus-edit", title=title, unit="s", samples=samples, targets=(Target(0.9, _ONE),))
    return floors.edited(row, ours)


def _nothing(bench: Bench, sites: _Sites) -> Row:
    again = sites.hero(bench, "islands")
    seconds(again)
    samples = compare([Peer(HERO, lambda _: again)], bench.many, seconds)
    fact = ("hero-build starts no cargo where no island of dioxus changed", not starts("cargo", again))
    title = "4 islands of dioxus from source, nothing to do"
    row = Row("dioxus-noop", title=title, unit="s", samples=samples, targets=(Target(0.25),), facts=(fact,))
    return profiled(row, Peer(HERO, lambda _: again))


def _check(sites: _Sites) -> None:
    counts = [len(islands.packed(sites.tree)), len(islands.installed(sites.folder))]
    shells = [list((sites.app / "app" / "pkg").glob("*_bg.wasm"))]
    shells.append(list((sites.folder / "root" / "share" / "hero_os" / "shell").rglob("*_bg.wasm")))
    if counts != [len(dioxus.NAMES)] * 2 or not all(shells):
        raise Failed(f"four islands and a shell should be there: {counts}, {shells}")
