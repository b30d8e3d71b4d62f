"""What is sent to the server and makes no sense, or too much of it: answered or refused, and the server goes on."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from hero_build.server import jsonrpc
from support.processes import LONG, until
from support.rpc_server import RpcServer, serving
from support.worlds import World, empty

HEALTH = {"jsonrpc": "2.0", "method": "rpc.health", "id": 1}
MEMORY = 60 << 20
"""Bytes of resident memory that the server may take."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RpcServer]:
    """One server for all tests: what one of them does to it, the next one sees."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="hero-") as folder:
        world = empty(Path(folder))
        world.recipe("db")
        world.release("db", "v1")
        with serving(world) as running:
            yield running
            assert running.process.poll() is None
            code, err = running.stop()
            assert (code, err) == (0, "")


def memory(server: RpcServer) -> int:
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS:"))


def raw(server: RpcServer, text: bytes) -> bytes:
    """What the server answers to bytes, until it closes the connection: where it left some unread, the system says so
    once (ECONNRESET), before the answer or after it.
    """
    with server.connect(timeout=LONG) as sock:
        with suppress(BrokenPipeError):  # it did not wait for the end
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        for _ in range(2):
            with suppress(ConnectionResetError):
                while piece := sock.recv(1 << 16):
                    answer += piece
        return answer


def code(server: RpcServer, body: bytes | str) -> int:
    document = server.post(body).document
    assert (document["jsonrpc"], document["id"]) == ("2.0", None)
    return int(document["error"]["code"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 40_000,
        b'{"jsonrpc": "2.0", "method": "\xff\xfe", "id": 1}',
        b'{"jsonrpc": "2.0", "method": "a\x00b", "id": 1}',
        b'{"jsonrpc": "2.0", "method": "rpc.health", "params": {"a": NaN}, "id": 1}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_json(server: RpcServer, body: bytes) -> None:
    assert code(server, body) == -32700
    assert server.is_well()


@pytest.mark.parametrize("body", ["1", '"rpc.health"', "null", "[]", "{}", '{"method": "rpc.health"}'])
def test_what_is_no_request(server: RpcServer, body: str) -> None:
    assert code(server, body) == -32600


@pytest.mark.parametrize("method", ["", "service", "service.instal", "rpc.nothing", "é" * 10_000, "__init__"])
def test_a_method_that_does_not_exist(server: RpcServer, method: str) -> None:
    error = server.error(method)
    assert error["code"] == -32601
    assert len(error["message"]) < 400


def test_the_nearest_method_is_named(server: RpcServer) -> None:
    assert "service.install" in server.error("service.instal")["message"]


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("service.install", {}, "name"),
        ("service.install", {"name": ["db"]}, "name"),
        ("service.install", {"name": "db", "mode": "quick"}, "mode"),
        ("service.install", {"name": "db", "root": "/"}, "root"),
        ("service.install", ["db", "auto", None, False, True], "4"),
        ("service.verify", [3], "name"),
        ("service.list", {"all": True}, "all"),
    ],
)
def test_parameters_that_are_wrong(server: RpcServer, method: str, params: object, field: str) -> None:
    error = server.error(method, params)
    assert (error["code"], error["data"]["field"], error["data"]["exit"]) == (-32602, field, 2)


@pytest.mark.parametrize("name", ["nothing", "../../etc", "a\nb", "@all", "db/../x", "\u202e"])
def test_an_app_that_does_not_exist(server: RpcServer, name: str) -> None:
    error = server.error("service.install", name=name)
    assert error["code"] in (-32001, -32602)
    assert error["data"]["error"]["hint"]


def test_of_two_equal_keys_the_last_one_counts(server: RpcServer) -> None:
    text = '{"jsonrpc": "2.0", "method": "nothing", "method": "rpc.health", "id": 1, "id": 2}'
    document = server.post(text).document
    assert (document["id"], document["result"]["status"]) == (2, "ok")


@pytest.mark.parametrize("number", ["1", '"x"', "1.5", "null", "-7", "99999999999999999999999"])
def test_an_id_comes_back_as_it_was(server: RpcServer, number: str) -> None:
    answer = server.post(f'{{"jsonrpc": "2.0", "method": "rpc.health", "id": {number}}}')
    assert f'"id":{number},'.encode() in answer.body


@pytest.mark.parametrize("number", ["true", "{}", "[1]"])
def test_an_id_of_another_type(server: RpcServer, number: str) -> None:
    assert code(server, f'{{"jsonrpc": "2.0", "method": "rpc.health", "id": {number}}}') == -32600


def test_notifications_have_no_answer(server: RpcServer) -> None:
    single = {"jsonrpc": "2.0", "method": "rpc.health"}
    for body in (single, [single, {**single, "method": "nothing"}], {**single, "params": {"a": 1}}):
        answer = server.post(json.dumps(body))
        assert (answer.status, answer.body) == (204, b"")


def test_a_batch_with_some_of_everything(server: RpcServer) -> None:
    requests = [HEALTH, 1, {**HEALTH, "method": "no", "id": 2}, {"jsonrpc": "2.0", "method": "rpc.health"}, [HEALTH]]
    answers = server.post(json.dumps(requests)).document
    assert [answer["id"] for answer in answers] == [1, None, 2, None]
    assert ["result" in answer for answer in answers] == [True, False, False, False]


def test_a_batch_of_ten_thousand_is_refused(server: RpcServer) -> None:
    answer = server.post(json.dumps([HEALTH] * 10_000))
    assert (answer.status, answer.document["error"]["code"]) == (413, -32600)
    short = server.post("[" + ",".join(["1"] * 10_000) + "]").document
    assert short["error"]["code"] == -32600
    many = server.post(json.dumps([HEALTH] * jsonrpc.MAX_BATCH)).document
    assert {item["result"]["status"] for item in many} == {"ok"}
    assert len(many) == jsonrpc.MAX_BATCH


def test_a_body_of_a_hundred_megabytes_is_refused_and_takes_no_memory(server: RpcServer) -> None:
    chunk = b"x" * (1 << 20)
    connection = server.http()
    connection.request("POST", "/rpc", iter([chunk] * 100), {"Content-Type": "application/json"})  # chunked
    assert connection.getresponse().status == 413
    connection.close()
    with server.connect() as sock:
        sock.sendall(b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
        assert b" 413 " in sock.recv(1 << 16)
        for _ in range(100):
            sock.sendall(chunk)
    assert server.is_well()
    assert memory(server) < MEMORY


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\xff\x16\x03\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n",
        b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg",
        b"POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 100_000 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b'{"jsonrpc": "2.0", "method": "rpc.health", "id": 1}\n',
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_not_http(server: RpcServer, text: bytes) -> None:
    answer = raw(server, text)
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert b"Traceback" not in answer
    assert server.is_well()


def test_a_request_that_ends_early(server: RpcServer) -> None:
    raw(server, b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    raw(server, b"POST /rpc HTTP/1.1\r\nHo")
    assert server.is_well()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 200),
        ({"Content-Type": "application/json; charset=UTF-8"}, 200),
        ({"Content-Type": 'application/json;charset="utf-8"'}, 200),
        ({}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-16"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "\xff"}, 415),
    ],
)
def test_content_types(server: RpcServer, headers: dict[str, str], status: int) -> None:
    answer = server.post(json.dumps(HEALTH), headers)
    assert answer.status == status
    assert ("result" in answer.document) == (status == 200)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/rpc", 405),
        ("PUT", "/rpc", 405),
        ("DELETE", "/health", 405),
        ("GET", "/", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%00", 404),
        ("HEAD", "/health", 200),
    ],
)
def test_other_methods_and_addresses(server: RpcServer, method: str, target: str, status: int) -> None:
    assert server.get(target, method).status == status


@pytest.mark.parametrize("last", ["x", "-1", "", "9" * 30, "1", "18446744073709551616", "é".encode().decode("latin-1")])
def test_the_number_of_an_event_that_never_was(server: RpcServer, last: str) -> None:
    connection = server.http()
    connection.request("GET", "/events", headers={"Last-Event-ID": last})
    response = connection.getresponse()
    lines = [response.readline() for _ in range(3)]
    assert lines[1] == b"event: snapshot\n"
    connection.close()


def test_slow_clients_hold_nobody_up(server: RpcServer) -> None:
    """They send their requests drop by drop; each is answered once it is there."""
    text = b"POST /rpc HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 51\r\n\r\n"
    text += b'{"jsonrpc": "2.0", "method": "rpc.health", "id": 1}'
    socks = [server.connect() for _ in range(20)]
    for byte in text:
        for sock in socks:
            sock.sendall(bytes([byte]))
    assert server.is_well()
    for sock in socks:
        answer = b"".join(iter(lambda sock=sock: sock.recv(1 << 16), b""))  # type: ignore[misc]
        assert b'"status":"ok"' in answer
        sock.close()


def test_two_hundred_clients_at_once(server: RpcServer) -> None:
    """All connected at the same time; each gets the answer to its own request."""
    barrier = threading.Barrier(200)

    def ask(number: int) -> bool:
        connection = server.http()
        barrier.wait(LONG)
        for turn in range(5):
            request = {**HEALTH, "id": f"{number}-{turn}", "method": "service.list" if turn % 2 else "rpc.health"}
            connection.request("POST", "/rpc", json.dumps(request), {"Content-Type": "application/json"})
            document = json.loads(connection.getresponse().read())
            if "result" not in document or document["id"] != request["id"]:
                return False
        connection.close()
        return True

    with ThreadPoolExecutor(200) as pool:
        assert list(pool.map(ask, range(200))) == [True] * 200
    assert server.is_well()
    assert memory(server) < MEMORY


def test_more_connections_than_it_takes(server: RpcServer) -> None:
    """Those above the limit get a 503, and once they are gone all is as before."""
    socks = [server.connect() for _ in range(900)]
    try:
        assert server.get("/health").status == 503
    finally:
        for sock in socks:
            sock.close()
    assert until(lambda: server.get("/health").status == 200)


def test_operations_of_one_app_wait_for_each_other_and_none_is_lost(server: RpcServer) -> None:
    """All are asked for at once, by clients that go away."""
    connections = []
    for _ in range(6):
        connection = server.http()
        request = {**HEALTH, "method": "service.install", "params": {"name": "db", "reset": True}}
        connection.request("POST", "/rpc", json.dumps(request), {"Content-Type": "application/json"})
        connections.append(connection)
    for connection in connections[:3]:
        connection.close()
    answers = [json.loads(connection.getresponse().read()) for connection in connections[3:]]
    for connection in connections[3:]:
        connection.close()
    assert all("result" in answer for answer in answers), answers
    assert until(lambda: server.get("/health").document["operations"] == 0)
    root = Path(server.get("/health").document["root"])
    journal = json.loads((root / "var" / "hero_build" / "operations" / "db.json").read_text())
    states = [item["state"] for item in journal["operations"] if item["arguments"]["reset"]]
    assert states == ["done"] * 6
    times = [(item["started"], item["ended"]) for item in journal["operations"]]
    assert all(end <= start for (_, end), (start, _) in pairwise(times))


def test_a_client_that_hangs_up_at_every_byte(server: RpcServer, home: World) -> None:
    text = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 51\r\n\r\n" + json.dumps(HEALTH).encode()
    for length in range(len(text)):
        with server.connect() as sock:
            sock.sendall(text[:length])
    assert server.is_well()
