"""Starting services, and looking at sixty of them, beside supervisorctl with the same programs."""

from pathlib import Path

from bench.bench import Bench
from bench.measure import Command, Peer, compare, environment, seconds
from bench.result import HERO, Row, Target
from bench.service_root import ServiceRoot, apps, service_root, supervisorctl

_CTL = "supervisorctl"
_MORE = 1.5
"""Seconds that a start may take over the supervisor's own: it also checks each service and waits until it is steady."""


def rows(bench: Bench) -> list[Row]:
    return [_start(bench), _status(bench)]


def _start(bench: Bench) -> Row:
    five = apps(5, 0)
    names = [name for binaries in five.values() for name in binaries]
    with service_root(bench, five) as root, supervisorctl(root, names) as control:
        peers = [_started(root), _started_by(control, names)]
        samples = compare(peers, bench.rounds, seconds)
    row = Row("services-start", title="5 services, started", unit="s", samples=samples)
    more = row.middle(HERO) - row.middle(_CTL)
    fact = f"`start` of five services takes at most {_MORE:g} s over supervisorctl's own time ({more:+.2f} s)"
    return Row("services-start", title=row.title, unit="s", samples=samples, facts=((fact, more <= _MORE),))


def _started(root: ServiceRoot) -> Peer:
    def prepare(_: Path) -> Command:
        root.run("stop", "@bench")
        return root.command("start", "@bench")

    return Peer(HERO, prepare)


def _started_by(control: tuple[str, ...], names: list[str]) -> Peer:
    def prepare(folder: Path) -> Command:
        seconds(Command((*control, "stop", *names), environment(folder), folder))
        return Command((*control, "start", *names), environment(folder), folder)

    return Peer(_CTL, prepare)


def _status(bench: Bench) -> Row:
    binaries = apps(35, 25)
    names = [name for group in binaries.values() for name in group]
    with service_root(bench, binaries) as root, supervisorctl(root, names) as control:
        root.run("start", "@bench")
        seconds(Command((*control, "start", *names), environment(root.folder), root.folder))
        hero = Peer(HERO, lambda _: root.command("status"))
        other = Peer(_CTL, lambda folder: Command((*control, "status"), environment(folder), folder))
        samples = compare([hero, other], bench.rounds, seconds)
    title = f"`status` of {len(binaries)} apps with {len(names)} running services"
    return Row("services-status", title=title, unit="s", samples=samples, targets=(Target(0.3),))
