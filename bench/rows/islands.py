"""The thirty islands, by hero-build and by wasm-pack: all of them, none of them, one of them.

hero-build's time holds the clone, verifying, syncing and the commit. A cold build takes a minute, so that there are few
rounds of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from bench import floors, islands
from bench.bench import Bench
from bench.islands import Archipelago
from bench.measure import Command, Failed, Peer, compare, peak_megabytes, seconds
from bench.profiles import Recorder, profiled
from bench.result import HERO, Row, Target
from bench.scratch import scratch, starts

_ROUNDS = 2  # of what takes minutes
_EACH, _ONE = "wasm-pack, each in turn", "wasm-pack, that one alone"


@dataclass(frozen=True, slots=True)
class _Built:
    """Both have built all: hero-build in its root below `folder`, wasm-pack in `tree`."""

    found: Archipelago
    folder: Path
    tree: Path
    hero: Command


def rows(bench: Bench) -> list[Row]:
    with scratch("islands") as folder:
        found = islands.archipelago(folder)
        cold, recorder = _cold(bench, found), Recorder()
        built = _build(bench, found, folder, recorder)
        cold = recorder.onto(floors.built(cold, recorder.times()))
        return [cold, _noop(bench, built), _edited(bench, built), _memory(bench, found)]


def _cold(bench: Bench, found: Archipelago) -> Row:
    """Into empty target folders; wasm-pack is given its clone."""

    def prepare(folder: Path) -> Command:
        return islands.pack(found, tree=islands.clone(found, folder / "clone"), names=found.names, folder=folder)

    peers = [
        Peer(_EACH, prepare, lambda folder: _all(islands.packed(folder / "clone"))),
        Peer(HERO, lambda folder: islands.hero(bench.context, found, folder), lambda f: _all(islands.installed(f))),
    ]
    samples = compare(peers, min(_ROUNDS, bench.rounds), seconds, warm=False)
    row = Row("islands", title="30 islands from source, cold", unit="s", samples=samples, targets=(Target(0.6, _EACH),))
    return replace(row, notes=(islands.versions(found),))


def _build(bench: Bench, found: Archipelago, folder: Path, recorder: Recorder) -> _Built:
    """Both once more, for the rows below; hero-build is sampled meanwhile."""
    hero = islands.hero(bench.context, found, folder)
    tree = islands.clone(found, folder / "clone")
    recorder(hero)
    seconds(islands.pack(found, tree=tree, names=found.names, folder=folder))
    return _Built(found, folder=folder, tree=tree, hero=hero)


def _noop(bench: Bench, built: _Built) -> Row:
    """The same commands again."""
    again = islands.pack(built.found, tree=built.tree, names=built.found.names, folder=built.folder)
    facts = (("hero-build starts no cargo where no island changed", not starts("cargo", built.hero)),)
    peers = [_steady(_EACH, lambda: again), _steady(HERO, lambda: built.hero)]
    samples = compare(peers, min(2 * _ROUNDS, bench.rounds), seconds)
    row = Row(
        "islands-noop",
        title="30 islands from source, nothing to do",
        unit="s",
        samples=samples,
        targets=(Target(0.03, _EACH),),
        facts=facts,
    )
    return profiled(row, peers[-1])


def _edited(bench: Bench, built: _Built) -> Row:
    """hero-build builds all of them, and finds the changed one by itself."""
    one = islands.pack(built.found, tree=built.tree, names=[islands.EDITED], folder=built.folder)

    def after(tree: Path, command: Command) -> Callable[[], Command]:
        def prepare() -> Command:
            islands.edit(tree)
            return command

        return prepare

    theirs, ours = after(built.tree, one), after(islands.checkout(built.folder), built.hero)
    peers = [_steady(_ONE, theirs), _steady(HERO, ours)]
    row = Row(
        "islands-edit",
        title="30 islands from source, one edited",
        unit="s",
        samples=compare(peers, bench.rounds, seconds),
        targets=(Target(1.1, _ONE),),
        facts=(_same(built),),
    )
    return floors.edited(row, peers[-1])


def _same(built: _Built) -> tuple[str, bool]:
    """Both have edited as often: what they have made of the thirty is compared to the byte."""
    ours, theirs = (
        {path.name: path.read_bytes() for path in paths}
        for paths in (islands.installed(built.folder), islands.packed(built.tree))
    )
    return "every island's module is that of wasm-pack, to the byte", ours == theirs


def _memory(bench: Bench, found: Archipelago) -> Row:
    """Of hero-build's own process, from clone to commit; cargo and the other tools are processes of their own."""
    peers = [Peer(HERO, lambda folder: islands.hero(bench.context, found, folder))]
    samples = compare(peers, 1, peak_megabytes, warm=False)
    return Row(
        "islands-memory",
        title="peak memory, 30 islands from source",
        unit="MB",
        samples=samples,
        targets=(Target(100),),
    )


def _steady(name: str, command: Callable[[], Command]) -> Peer:
    return Peer(name, lambda _: command())


def _all(modules: Sequence[Path]) -> None:
    if len(modules) != 30:
        raise Failed(f"thirty islands should be there, and not {len(modules)}")
