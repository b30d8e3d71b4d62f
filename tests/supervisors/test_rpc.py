"""Supervisors that misbehave, over HTTP and by lines: each fault is one error with a hint."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_build.errors import BadRuntimeResponse, RuntimeFailed, RuntimeUnreachable
from hero_build.install.layout import Root
from hero_build.model.services import SupervisedStatus
from hero_build.output.text import clean
from hero_build.supervisors import rpc
from hero_build.supervisors.hero_router import HeroRouter
from hero_build.supervisors.protocol import Supervisor, Timeouts
from hero_build.supervisors.rpc import RpcPeer
from hero_build.supervisors.zinit import Zinit
from support.daemons import HASTY, QUICK, Machine
from world.router_standin import Router, Trouble

PEER = RpcPeer("zinit", Path("/z.sock"))
REQUEST = {"jsonrpc": "2.0", "id": 7, "method": "service.list", "params": {}}


def raw(result: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(result))


@contextmanager
def scripted(path: Path, act: Callable[[socket.socket], object], timeouts: Timeouts = HASTY) -> Iterator[Supervisor]:
    """A zinit that does this with every connection, once it has read a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_serve, args=(listener, act), daemon=True)
        thread.start()
        yield Zinit(Root(path.parent), path, timeouts)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, act: Callable[[socket.socket], object]) -> None:
    with suppress(OSError):
        while True:
            line, _ = listener.accept()
            with line, suppress(OSError):
                line.recv(1 << 16)
                act(line)


def _drip(line: socket.socket) -> None:
    for _ in range(300):
        line.sendall(b" ")
        time.sleep(0.02)


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("z") / "z.sock"


def refused(work: Callable[[], object]) -> RuntimeFailed:
    with pytest.raises(RuntimeFailed) as caught:
        work()
    error = caught.value
    assert error.code == 9
    assert error.hint
    assert len(error.message) < 700
    return error


def patience(words: str) -> Timeouts:
    """A busy machine takes long to answer, too: the limit is short only where it is what is expected."""
    return HASTY if "no answer within" in words else QUICK


SAYS = {
    "hang": (RuntimeUnreachable, "no answer within 0.3 s"),
    "drip": (RuntimeUnreachable, "no answer within 0.3 s"),
    "drip headers": (RuntimeUnreachable, "no answer within 0.3 s"),
    "garbage": (BadRuntimeResponse, "is not JSON"),
    "no http": (BadRuntimeResponse, "does not answer in HTTP"),
    "half": (BadRuntimeResponse, "is not JSON"),
    "wrong id": (BadRuntimeResponse, "belongs to another request"),
    "deep": (BadRuntimeResponse, "is not a JSON-RPC response"),
    "huge": (BadRuntimeResponse, "more than 1 MiB"),
    "502": (BadRuntimeResponse, "HTTP 502"),
    "die": (RuntimeUnreachable, "closed the connection without an answer"),
    "refuse": (BadRuntimeResponse, "rejects service.list: the supervisor is not available"),
}


@pytest.mark.parametrize("trouble", get_args(Trouble))
def test_a_router_that_misbehaves(machine: Machine, trouble: Trouble) -> None:
    kind, words = SAYS[trouble]
    with machine.router() as router:
        router.troubles["service.list"] = trouble
        error = refused(HeroRouter(machine.sockets.router, patience(words)).services)
    assert isinstance(error, kind)
    assert words in error.message
    assert str(machine.sockets.router) in error.message


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda line: line.recv(1), "no answer within 0.3 s"),
        (_drip, "no answer within 0.3 s"),
        (lambda line: line.sendall(b"\xff\x1b[2J garbage\n"), "is not JSON"),
        (lambda line: line.sendall(b'{"jsonrpc": "2.0", "id"'), "is not JSON"),
        (lambda line: None, "closed the connection instead of answering"),
        (lambda line: line.sendall(b"x" * (4 << 20)), "more than 1 MiB"),
        (lambda line: line.sendall(b'{"id": 0, "result": []}\n'), "belongs to another request"),
        (lambda line: line.sendall(b'[{"id": 0}]\n'), "is not a JSON-RPC response: Expected `object`, got `array`"),
        (lambda line: line.sendall(b'{"id": null, "error": {"code": -32700}}\n'), "rejects service.list"),
        (lambda line: line.sendall(b'{"id": 0, "error": 5}\n'), "got `int` - at `$.error`"),
        (lambda line: line.sendall(b'{"result": ' + b"[" * 100_000 + b"\n"), "is not JSON"),
        (lambda line: line.sendall(b"1" * 5000 + b"\n"), "is not a JSON-RPC response"),
    ],
)
def test_a_zinit_that_misbehaves(short: Path, act: Callable[[socket.socket], object], words: str) -> None:
    with scripted(short, act, patience(words)) as runtime:
        assert words in refused(runtime.services).message


def test_nobody_is_there(short: Path) -> None:
    assert "the socket does not exist" in refused(Zinit(Root(short.parent), short, QUICK).services).message
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short))
    error = refused(Zinit(Root(short.parent), short, QUICK).services)
    assert isinstance(error, RuntimeUnreachable)
    assert "nothing listens there (the socket file is stale)" in error.message
    assert "the socket does not exist" in refused(Zinit(Root(short.parent), short / "below", QUICK).services).message


def test_a_socket_with_a_longer_name_than_the_system_takes(machine: Machine, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / "service.sock"
    assert "the socket does not exist" in refused(HeroRouter(deep, QUICK).services).message
    with Router(deep) as router:
        router.hold("a", "sleep", "1000")
        assert HeroRouter(deep, QUICK).services() == ("a",)


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (None, "Expected `array`, got `null`"),
        ({}, "Expected `array`, got `object`"),
        ("a", "Expected `array`, got `str`"),
        (["a", 1], "Expected `str`, got `int` - at `$.result[1]`"),
        ([["a"]], "Expected `str`, got `array` - at `$.result[0]`"),
        ({"services": ["a"]}, "Expected `array`, got `object`"),
        (3.5, "Expected `array`, got `float`"),
        (True, "Expected `array`, got `bool`"),
    ],
)
def test_a_list_of_services_is_a_list_of_names(result: object, problem: str) -> None:
    message = refused(lambda: rpc.decode_services(raw(result), PEER)).message
    assert f"its list of services is malformed: {problem}" in message


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (None, "Expected `object`, got `null`"),
        ([], "Expected `object`, got `array`"),
        ("running", "Expected `object`, got `str`"),
        ({"pid": 1}, "missing required field `state`"),
        ({"state": 1, "pid": 1}, "Expected `str`, got `int` - at `$.result.state`"),
        ({"state": "running", "pid": "1"}, "got `str` - at `$.result.pid`"),
        ({"state": "x", "pid": True}, "got `bool` - at `$.result.pid`"),
        ({"state": "x", "pid": -1}, "Expected `int` >= 0 - at `$.result.pid`"),
    ],
)
def test_a_status_has_a_state_and_a_pid(result: object, problem: str) -> None:
    message = refused(lambda: rpc.decode_status(raw(result), "a", PEER)).message
    assert "its status of a is malformed: " in message
    assert problem in message


def test_what_a_supervisor_adds_to_a_status_is_kept() -> None:
    result = raw({"name": "a", "state": "failed", "pid": 0, "exit_code": 3})
    assert rpc.decode_status(result, "a", PEER) == SupervisedStatus(
        name="a", state="failed", exit_code=3, reason="it ended with 3"
    )
    result = raw({"name": "a", "state": "Blocked", "pid": None, "error": "waiting on: b"})
    assert rpc.decode_status(result, "a", PEER) == SupervisedStatus(name="a", state="starting", reason="waiting on: b")


def test_a_refusal_may_come_with_a_null_result() -> None:
    """Its id is null if the supervisor could not read the request."""
    for error in ('{"message": "no"}', '"no"'):
        content = f'{{"id": null, "result": null, "error": {error}}}'.encode()
        with pytest.raises(rpc.RpcError, match=r"rejects service\.stop: no$"):
            rpc.decode_result(content, number=7, method="service.stop", peer=PEER)
    assert rpc.decode_result(b'{"id": 7, "result": null, "error": null}', 7, method="service.stop", peer=PEER)


@given(st.binary(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(lambda value: repr(value).encode()))
def test_whatever_bytes_come_are_one_error(raw: bytes) -> None:
    with pytest.raises(BadRuntimeResponse) as caught:
        rpc.decode_result(raw, number=7, method="service.list", peer=PEER)
    assert clean(caught.value.message).isprintable()


def test_a_request_is_one_line() -> None:
    assert json.loads(rpc.encode_request(7, "service.list", {})) == REQUEST
    assert b"\n" not in rpc.encode_request(7, "service.stop", {"name": "a\nb"})


def test_the_time_for_an_answer_is_that_of_the_whole_exchange(machine: Machine) -> None:
    patience = Timeouts(call=0.3, change=0.6)
    with machine.router() as router:
        router.hold("a", "sleep", "1000")
        router.troubles |= {"service.status": "hang", "service.stop": "hang"}
        runtime = HeroRouter(machine.sockets.router, patience)
        assert "within 0.3 s" in refused(lambda: runtime.status("a")).message
        assert "within 0.6 s" in refused(lambda: runtime.stop("a")).message
