"""Parameters by name and by position; an error names the field."""

import json
from typing import Any

import pytest
from msgspec import UNSET, Raw

from hero_build.server.jsonrpc import RpcFailed
from hero_build.server.params import decode
from hero_build.server.types import InstallParams, NoParams


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


@pytest.mark.parametrize(
    "value", [{"name": "db", "mode": "source"}, ["db", "source"], {"mode": "source", "name": "db", "version": None}]
)
def test_by_name_and_by_position(value: object) -> None:
    assert decode("m", raw(value), InstallParams) == InstallParams("db", "source")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "name"),
        ([], "name"),
        ({"name": 1}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": None}, "name"),
        ({"name": "db", "mode": "fast"}, "mode"),
        ({"name": "db", "reset": 1}, "reset"),
        ({"name": "db", "version": {"a": 1}}, "version"),
        ({"name": "db", "nmae": "db"}, "nmae"),
        (["db", "auto", None, False, 5], "4"),
        (["db", "auto", 7], "version"),
    ],
)
def test_an_error_names_the_field(value: Any, field: str) -> None:
    with pytest.raises(RpcFailed) as caught:
        decode("service.install", raw(value), InstallParams)
    error = caught.value.error
    assert error.code == -32602
    assert error.data is not None
    assert (error.data.field, error.data.exit, error.data.error.kind) == (field, 2, "UsageError")


def test_none_are_needed_where_there_are_none() -> None:
    assert decode("m", UNSET, NoParams) == NoParams()
    assert decode("m", raw([]), NoParams) == NoParams()
    with pytest.raises(RpcFailed):
        decode("m", raw({"a": 1}), NoParams)
