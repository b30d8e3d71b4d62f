"""Twenty machines against one nginx: what is sent is what is missing, and going back sends nothing.

`python -m bench --only fleet` does the same with a thousand, and measures it.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import fleet_simulation, nginx
from support.fleet_simulation import SIZES, WRITTEN, Simulation
from support.nginx import Nginx

COUNT = 20
KILLED = 3


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        yield fleet_simulation.made(Path(folder) / "world", count=COUNT)


@pytest.fixture(scope="module")
def server(simulation: Simulation) -> Iterator[Nginx]:
    with nginx.serving(simulation.mirror) as made:
        yield made


def test_a_fleet_installs_upgrades_and_goes_back(simulation: Simulation, server: Nginx) -> None:
    """One machine is killed in the middle of its first transfer, and goes on where it was."""
    first, second = simulation.contents("A"), simulation.contents("B")
    simulation.kill_mid_transfer(KILLED, "A", server)
    before = len(server.requests())
    others = [number for number in range(COUNT) if number != KILLED]
    assert set(simulation.converge("A", server.url, others).codes.values()) == {0}
    sent = server.requests()[before:]
    assert sum(item.sent for item in sent if item.status == 200) == simulation.wire(first) * len(others)
    assert len(sent) == simulation.expected(first) * len(others)
    assert not [item for item in sent if item.path.startswith("/api/") or not item.path.startswith("/_store/")]

    before = len(server.requests())
    assert simulation.converge("A", server.url, [KILLED]).codes == {KILLED: 0}
    resumed = server.requests()[before:]
    assert [item.status for item in resumed] == [206], resumed
    assert resumed[0].sent <= SIZES["two"] - WRITTEN
    assert len(simulation.digests()) == 1

    before = len(server.requests())
    assert set(simulation.converge("B", server.url).codes.values()) == {0}
    missing, sent = second - first, server.requests()[before:]
    assert sum(item.sent for item in sent if item.status == 200) == simulation.wire(missing) * COUNT
    assert len(sent) == simulation.expected(missing) * COUNT
    (upgraded,) = simulation.digests()

    before = len(server.requests())
    for name in ("B", "A"):
        assert set(simulation.converge(name, server.url).codes.values()) == {0}
        assert len(server.requests()) == before, "the same again, and the way back, send no request"
    (back,) = simulation.digests()
    assert back != upgraded


def test_a_bad_release_stops_at_the_canary(simulation: Simulation, server: Nginx) -> None:
    """Its new service does not stay up: the canary goes back by itself, and no other machine asks for anything."""
    waves = ([0], [1, 2], range(3, 10))
    for name in ("B", "A"):
        assert set(simulation.converge(name, server.url, range(10)).codes.values()) == {0}
    simulation.serve(0, server.url)
    try:
        before, requests = [simulation.digest(number) for number in range(10)], len(server.requests())
        assert simulation.in_waves("D", server.url, waves) == {0: 9}
        (missing,) = simulation.contents("D") - set().union(*map(simulation.contents, "ABC"))
        sent = server.requests()[requests:]
        assert {item.path.removesuffix(".zst") for item in sent} == {f"/_store/{missing}"}
        assert len(sent) == simulation.expected([missing])
        assert [simulation.digest(number) for number in range(10)] == before
        assert simulation.running(0) == "v1"
    finally:
        simulation.end(0)
