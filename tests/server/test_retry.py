"""Which operations of the journal the page offers to try again: all that a method takes, and no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hero_build.server.methods import METHODS
from hero_build.server.retry import can_retry
from hero_build.services import journal
from hero_build.services.journal import Argument, Operation

PACKAGE = Path(journal.__file__).parents[1]
VALUES: dict[str, Argument] = {"name": "db", "service": "db", "supervisor": "zinit", "number": 3}


def failed(method: str, **arguments: Argument) -> Operation:
    return msgspec.structs.replace(journal.new("db", method, arguments), state="failed")


def recorded_by_commands() -> Iterator[str]:
    """The methods that commands write to the journal, by the calls in their source."""
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "journaled",
                "record",
            ):
                yield from (item.value for item in node.args if isinstance(item, ast.Constant))  # type: ignore[misc]


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.changes])
def test_what_the_server_records_can_be_tried_again(name: str) -> None:
    """With the parameters as `Operations.run` records them: null is what was not given."""
    fields = msgspec.structs.fields(METHODS[name].params)
    needed = {field.name: VALUES[field.name] for field in fields if field.required}
    params = METHODS[name].params(**needed)
    assert can_retry(failed(name, **msgspec.to_builtins(params)))


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if not method.changes])
def test_what_only_reads_is_no_operation(name: str) -> None:
    assert not can_retry(failed(name, name="db"))


def test_what_commands_record_can_be_tried_again_where_a_method_does_the_same() -> None:
    methods = set(recorded_by_commands())
    assert {"uninstall", "service.start", "hold", "verify --repair"} <= methods
    offered = {name for name in methods if can_retry(failed(name, name="db"))}
    assert offered == {
        "service.build",
        "service.delete",
        "service.restart",
        "service.start",
        "service.stop",
    }


def test_what_the_server_does_by_itself_is_not_offered() -> None:
    assert not can_retry(failed("resume"))


def test_arguments_that_the_method_does_not_take_are_not_offered() -> None:
    assert not can_retry(failed("catalog.restore", name="db"))
    assert not can_retry(failed("service.install", name="db", lock="x"))
