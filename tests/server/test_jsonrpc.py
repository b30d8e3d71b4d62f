"""What a body is, by JSON-RPC 2.0; the examples of its specification among them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from hero_build.server import jsonrpc
from hero_build.server.jsonrpc import Batch, RpcCall, RpcRefusal

CALL = '{"jsonrpc": "2.0", "method": "m", "id": %s}'


def refusal(body: bytes) -> tuple[int, bytes]:
    parsed = jsonrpc.parse(body)
    assert isinstance(parsed, RpcRefusal)
    return parsed.error.code, bytes(parsed.id)


@pytest.mark.parametrize("text", ['"a"', "1", "-1", "1.0", "null", '""', "12345678901234567890123", "1e3"])
def test_an_id_comes_back_as_it_was(text: str) -> None:
    parsed = jsonrpc.parse((CALL % text).encode())
    assert isinstance(parsed, RpcCall)
    assert parsed.id is not UNSET
    assert jsonrpc.success(parsed.id, b"[]") == b'{"result":[],"id":%s,"jsonrpc":"2.0"}' % text.encode()


@pytest.mark.parametrize("text", ["true", "[1]", '{"a": 1}'])
def test_other_ids_are_refused(text: str) -> None:
    assert refusal((CALL % text).encode()) == (-32600, b"null")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"NaN",
        b'{"jsonrpc": "2.0", "method": "m", "params": {"a": Infinity}, "id": 1}',
        b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
        b'[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]',
        b'{"jsonrpc": "2.0", "method": "\xff", "id": 1}',
        b'{"jsonrpc": "2.0", "method": "m", "params": ["\xc3"], "id": 1}',
        b'{"jsonrpc": "2.0", "method": "a\x00", "id": 1}',
        b"\x00",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"{} {}",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    assert refusal(body) == (-32700, b"null")


@pytest.mark.parametrize(
    ("body", "call_id"),
    [
        (b"1", b"null"),
        (b"{}", b"null"),
        (b"[]", b"null"),
        (b'{"jsonrpc": "2.0", "method": 1, "params": "bar"}', b"null"),
        (b'{"jsonrpc": "2.0", "method": "m", "params": "bar", "id": 7}', b"7"),
        (b'{"jsonrpc": "1.0", "method": "m", "id": "x"}', b'"x"'),
        (b'{"method": "m", "id": 1}', b"1"),
    ],
)
def test_what_is_no_request_is_refused_with_its_id(body: bytes, call_id: bytes) -> None:
    assert refusal(body) == (-32600, call_id)


def test_a_batch_has_an_item_for_each_request() -> None:
    parsed = jsonrpc.parse(b'[1, {"jsonrpc": "2.0", "method": "m"}, [], {"jsonrpc": "2.0", "method": "n", "id": 2}]')
    assert isinstance(parsed, Batch)
    kinds = [type(item) for item in parsed.items]
    assert kinds == [RpcRefusal, RpcCall, RpcRefusal, RpcCall]
    assert isinstance(parsed.items[1], RpcCall)
    assert parsed.items[1].id is UNSET


def test_a_batch_has_a_bound() -> None:
    call = '{"jsonrpc": "2.0", "method": "m"}'
    assert isinstance(jsonrpc.parse(f"[{','.join([call] * jsonrpc.MAX_BATCH)}]".encode()), Batch)
    assert refusal(f"[{','.join([call] * (jsonrpc.MAX_BATCH + 1))}]".encode())[0] == -32600


def test_of_two_equal_keys_the_last_one_counts() -> None:
    parsed = jsonrpc.parse(b'{"jsonrpc": "2.0", "method": "a", "method": "b", "id": 1, "id": 2}')
    assert isinstance(parsed, RpcCall)
    assert (parsed.method, parsed.id is not UNSET and bytes(parsed.id)) == ("b", b"2")


@given(st.binary(max_size=60) | st.recursive(st.none() | st.text(max_size=5), st.lists).map(json.dumps).map(str.encode))
def test_any_bytes_are_a_call_a_batch_or_a_refusal(body: bytes) -> None:
    assert isinstance(jsonrpc.parse(body), RpcCall | RpcRefusal | Batch)
