"""Islands and a shell of dioxus 0.7, by hero-build and by wasm-pack: all, one edited, none; and both repositories.

Their dependencies take minutes to compile, so that there is one cold round. For the row of two repositories hero-build
builds the shell after the islands into the target folder that all checkouts share; wasm-pack is run in each of the two,
which has a target folder of its own.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import dioxus, floors, islands
from bench.bench import Bench
from bench.islands import Archipelago
from bench.measure import Command, Failed, Meter, Peer, compare, once, seconds
from bench.places import CHECKOUT
from bench.profiles import Recorder, profiled
from bench.result import HERO, Row, Target
from bench.scratch import scratch, starts

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


def rows(bench: Bench) -> list[Row]:
    sys.path.insert(0, str(CHECKOUT / "tests"))
    with scratch("dioxus") as folder:
        both = dioxus.repositories(folder)
        clones = [islands.clone(found, folder / name) for found, name in zip(both, ("tree", "app"), strict=True)]
        sites = _Sites(*both, folder, *clones)
        theirs = (_took(_EACH, sites.pack(*sites.islands.names)), _took(_REPOS, sites.pack_shell()))
        phases = Recorder(timed=True), Recorder(timed=True)
        ours = [
            _took(HERO, sites.hero(bench, phase), recorder)
            for phase, recorder in zip(("islands", "shell"), phases, strict=True)
        ]
        _check(sites)
        cold = [_cold(ours[0], theirs[0], phases[0]), _repositories(sum(ours), sum(theirs), phases)]
        return [*cold, _edited(bench, sites), _nothing(bench, sites)]


def _took(name: str, command: Command, meter: Meter = seconds) -> float:
    return once(Peer(name, lambda _: command), meter)


def _cold(ours: float, theirs: float, recorder: Recorder) -> Row:
    row = Row(
        "dioxus",
        title="4 islands of dioxus from source, cold",
        unit="s",
        samples={_EACH: (theirs,), HERO: (ours,)},
        targets=(Target(0.85, _EACH),),
        notes=(_VERSIONS, "one round"),
    )
    return recorder.onto(floors.built(row, recorder.times()))


def _repositories(ours: float, theirs: float, phases: Sequence[Recorder]) -> Row:
    row = Row(
        "dioxus-repositories",
        title="4 islands and the shell of dioxus, two repositories, cold",
        unit="s",
        samples={_REPOS: (theirs,), HERO: (ours,)},
        targets=(Target(0.6, _REPOS),),
        notes=("one round",),
    )
    both = Recorder(timed=True, notes=[notes for recorder in phases for notes in recorder.notes])
    return both.onto(floors.built(row, both.times(runs=1)), runs=1)


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
