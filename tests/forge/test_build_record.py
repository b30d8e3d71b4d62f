"""The build record of a release: what is encoded is decoded again, and what is malformed names its field."""

import json

import jsonschema
import pytest

from hero_build.errors import BadForgeResponse
from hero_build.forge.build_record import BuildRecord, BuiltFile, Runner, decode, encode
from support.forge_server import REPO

RECORD = BuildRecord(
    "db",
    repo="o/db",
    tag="v1",
    what="x",
    commit="a" * 40,
    dirty=True,
    toolchain="rustc 1.90",
    lock="b" * 64,
    fingerprint="c" * 32,
    runner=Runner("Linux 6", name="", url=""),
    made=(BuiltFile("a", sha256="d" * 64, size=3),),
    tool="hero-build 1",
)


def test_a_record_survives_encoding_and_matches_its_schema() -> None:
    schema = json.loads((REPO / "docs" / "schemas" / "build-record.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(encode(RECORD)), schema)
    assert decode(encode(RECORD), "it") == RECORD


def test_unknown_fields_are_ignored() -> None:
    content = encode(RECORD).replace(b'"schema"', b'"later": 1, "schema"').replace(b'"system"', b'"cpu": [], "system"')
    assert decode(content, "it") == RECORD


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"schema": 2}', b"\xff", b'{"schema": 1, "runner": {}}', b'{"a":' * 100_000],
    ids=["empty", "array", "no schema", "other schema", "not UTF-8", "incomplete", "deep"],
)
def test_a_malformed_record_is_a_bad_forge_response(content: bytes) -> None:
    with pytest.raises(BadForgeResponse, match="the build record it "):
        decode(content, "it")


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("commit", None, "$.commit"),
        ("dirty", "yes", "$.dirty"),
        ("lock", 1, "$.lock"),
        ("runner", {"system": "L", "name": "", "url": 1}, "$.runner.url"),
        ("made", [{"asset": "a", "sha256": "D" * 64, "size": 1}], r"$.made[0].sha256"),
        ("made", [{"asset": "a", "sha256": "d" * 64 + "\n", "size": 1}], r"$.made[0].sha256"),
        ("made", [{"asset": "a", "sha256": "d" * 64, "size": "1"}], r"$.made[0].size"),
    ],
)
def test_a_malformed_field_is_named_by_its_path(field: str, value: object, path: str) -> None:
    content = json.dumps(json.loads(encode(RECORD)) | {field: value}).encode()
    with pytest.raises(BadForgeResponse) as caught:
        decode(content, "it")
    assert f"`{path}`" in caught.value.message


@pytest.mark.parametrize("field", [*json.loads(encode(RECORD))])
def test_every_field_is_required(field: str) -> None:
    document = json.loads(encode(RECORD))
    del document[field]
    with pytest.raises(BadForgeResponse, match="the build record it "):
        decode(json.dumps(document).encode(), "it")
