"""What of a release's document decides: every field that is read, and nothing else."""

import json

import pytest
from msgspec import to_builtins

from hero_build.forge.api_documents import ReleaseDocument, ServerAsset
from hero_build.forge.release_digest import ASSET_FIELDS, RELEASE_FIELDS, release_digest
from hero_build.system.decoding import decode_json
from support.fault_server import document

RELEASE = document("https://forge.example", "v1", {"prog": 1, "SHA256SUMS": 2})


def test_every_field_that_is_read_counts() -> None:
    assert {*RELEASE_FIELDS, "assets"} == set(ReleaseDocument.__struct_fields__)
    assert set(ASSET_FIELDS) == set(ServerAsset.__struct_fields__)


@pytest.mark.parametrize("field", RELEASE_FIELDS)
def test_a_field_of_the_release(field: str) -> None:
    assert release_digest(RELEASE | {field: "other"}) != release_digest(RELEASE)


@pytest.mark.parametrize("field", ASSET_FIELDS)
def test_a_field_of_an_asset(field: str) -> None:
    changed = RELEASE | {"assets": [RELEASE["assets"][0] | {field: "other"}, *RELEASE["assets"][1:]]}
    assert release_digest(changed) != release_digest(RELEASE)


def test_what_nobody_reads_does_not_count() -> None:
    assets = [asset | {"download_count": 7} for asset in RELEASE["assets"]]
    assert release_digest(RELEASE | {"body": "x", "assets": assets}) == release_digest(RELEASE)


def test_both_decoders_give_the_same() -> None:
    text = json.dumps(RELEASE | {"tag_name": "ü\U0001f600", "created_at": None})
    typed = decode_json(text, kind=ReleaseDocument[ServerAsset])
    assert release_digest(to_builtins(typed)) == release_digest(json.loads(text))


@pytest.mark.parametrize("text", ["[]", "1", '"x"', '{"assets": 1}', '{"assets": [1]}'])
def test_what_is_no_release_raises(text: str) -> None:
    with pytest.raises((AttributeError, TypeError)):
        release_digest(json.loads(text))
