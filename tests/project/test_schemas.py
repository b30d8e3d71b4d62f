"""The JSON Schemas of docs/ are those of the types: `make schemas` writes them."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hero_build.cli.app import summaries
from tools import schemas

TEXTS = schemas.schemas()
ANSWERS = [path for path in TEXTS if path.parent.name == "schemas"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_schema_is_what_the_types_say(path: Path) -> None:
    assert path.read_text() == TEXTS[path], "run `make schemas`"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_schema_is_valid(path: Path) -> None:
    Draft202012Validator.check_schema(json.loads(TEXTS[path]))


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.name)
def test_a_schema_of_a_command_is_closed(path: Path) -> None:
    """Every object lists its fields, requires all of them and allows no other."""
    schema = json.loads(TEXTS[path])
    objects = [schema, *(item for item in schema.get("$defs", {}).values() if "properties" in item)]
    assert [item for item in objects if item["required"] != list(item["properties"])] == []
    assert [item for item in objects if item["additionalProperties"] is not False] == []


def test_every_command_has_a_schema() -> None:
    assert {command.split()[0] for command in schemas.ANSWERS} == set(summaries())


def test_every_schema_is_generated() -> None:
    written = {path.name for path in (schemas.DOCS / "schemas").iterdir()}
    assert written <= {path.name for path in TEXTS}
