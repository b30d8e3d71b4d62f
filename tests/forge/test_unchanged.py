"""Whether releases are those of the last time: one request each, and any doubt counts as a change."""

import pytest

from hero_build.forge import unchanged
from hero_build.forge.release_digest import release_digest
from hero_build.forge.unchanged import ServerAddress, releases_unchanged
from support.fault_server import Behaviour, FaultServer, answer, chunked, document, json_answer, many_headers, promises
from support.limits import TOKEN

RELEASE = document("https://forge.example", "v1", {"prog": 1})
DIGEST = release_digest(RELEASE)


def check(server: FaultServer, count: int, connections: int = 16, token: str = "") -> bool:
    address = ServerAddress("http", host="127.0.0.1", port=server.port, netloc=f"127.0.0.1:{server.port}")
    releases = [(f"/release{number}", DIGEST) for number in range(count)]
    return releases_unchanged(address, releases, token=token, connections=connections)


@pytest.mark.parametrize(("count", "connections"), [(0, 16), (1, 16), (7, 1), (40, 16), (40, 100)])
def test_each_is_asked_once(faults: FaultServer, count: int, connections: int) -> None:
    for number in range(count):
        faults.on(f"/release{number}", json_answer(RELEASE))
    assert check(faults, count, connections, TOKEN)
    assert sorted(faults.paths()) == sorted(f"/release{number}" for number in range(count))
    assert all(seen.headers["authorization"] == f"token {TOKEN}" for seen in faults.seen)
    assert faults.accepted <= min(16, connections, max(count, 1))


@pytest.mark.parametrize(
    "behaviour",
    [
        json_answer(RELEASE | {"tag_name": "v2"}),
        json_answer([RELEASE]),
        answer(200, b"{"),
        answer(200, b""),
        answer(204),
        answer(302, b"", {"Location": "/release0"}),
        answer(404),
        answer(500),
        chunked(b"{" * 5000, whole=False),
        many_headers(),
    ],
)
def test_what_differs(faults: FaultServer, behaviour: Behaviour) -> None:
    for number in range(3):
        faults.on(f"/release{number}", json_answer(RELEASE))
    faults.on("/release1", behaviour)
    assert not check(faults, 3)


def test_a_server_that_is_not_there(faults: FaultServer) -> None:
    faults.stop()
    assert not check(faults, 2)


def test_a_server_that_takes_long(faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_LIMIT", 0.2)
    faults.on("/release0", promises())
    assert not check(faults, 1)


def test_a_body_that_is_too_long(faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_LARGEST", 10)
    faults.on("/release0", json_answer(RELEASE))
    assert not check(faults, 1)
