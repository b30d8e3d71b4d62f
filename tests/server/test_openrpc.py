"""The OpenRPC document is what its authors' schema demands, and complete."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from hero_build.server import openrpc
from hero_build.server.methods import METHODS

META = Path(__file__).parents[1] / "fixtures" / "openrpc"
DOCUMENT = json.loads(json.dumps(openrpc.document()))


def validator() -> Draft7Validator:
    own = Resource.from_contents(json.loads((META / "json-schema.schema.json").read_text()), DRAFT7)
    addresses = ("https://meta.json-schema.tools", "https://meta.json-schema.tools/")
    registry = Registry().with_resources([(address, own) for address in addresses])
    return Draft7Validator(json.loads((META / "openrpc.schema.json").read_text()), registry=registry)


def test_it_is_valid_by_the_official_schema() -> None:
    assert [error.message for error in validator().iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("change", [{"openrpc": "0"}, {"methods": [{"name": "a"}]}, {"more": 1}])
def test_the_official_schema_is_one(change: dict[str, object]) -> None:
    assert not validator().is_valid({**DOCUMENT, **change})


def test_it_has_every_method() -> None:
    assert [method["name"] for method in DOCUMENT["methods"]] == list(METHODS)
    assert all(method["summary"] and len(method["summary"]) < 120 for method in DOCUMENT["methods"])


def test_every_reference_leads_somewhere() -> None:
    texts = json.dumps(DOCUMENT).split('"$ref": "')[1:]
    paths = {text.split('"')[0] for text in texts}
    for path in paths:
        place = DOCUMENT
        for name in path.removeprefix("#/").split("/"):
            place = place[name]
        assert place
