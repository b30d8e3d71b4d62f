"""What the API answers and is sent: optional fields, unexpected responses, and edits that keep a person's words."""

from pathlib import Path

import msgspec
import pytest

from hero_build.errors import BadForgeResponse
from hero_build.forge.limits import DEFAULT
from hero_build.publish.api import Api
from hero_build.publish.api_documents import ReleaseEdit, ReleaseResponse, RemoteRelease, well_formed
from hero_build.publish.http import WriteClient
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.settings import Secret

FILE = ReleaseFile("a", Path("a"), sha256="0" * 64, size=1)
ASSET = b'{"id": 3, "name": "a", "size": 1, "uuid": "u", "browser_download_url": "https://f/a"}'


@pytest.fixture
def api() -> Api:
    return Api("https://f", Secret("t"), limits=DEFAULT, plain_http=(), emit=lambda event: None)


@pytest.mark.parametrize("optional", ["", ', "html_url": null, "assets": null', ', "assets": [], "more": {"x": 1}'])
def test_a_release_without_its_optional_fields(optional: str) -> None:
    text = f'{{"id": 1, "tag_name": "v1", "draft": true, "prerelease": false{optional}}}'
    release = msgspec.json.decode(text, type=ReleaseResponse).release("https://f")
    assert release == RemoteRelease(1, tag="v1", draft=True, prerelease=False, url="", assets=())


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "is not valid JSON"),
        (b"<html>", "is not valid JSON"),
        (b"[]", "Expected `object`, got `array`"),
        (ASSET.replace(b"3", b'"3"'), "Expected `int`, got `str` - at `$.id`"),
        (ASSET.replace(b'"size": 1, ', b""), "missing required field `size`"),
    ],
)
def test_an_unexpected_response_to_an_upload(
    api: Api, monkeypatch: pytest.MonkeyPatch, body: bytes, problem: str
) -> None:
    monkeypatch.setattr(WriteClient, "upload", lambda *_, **__: body)
    with pytest.raises(BadForgeResponse) as caught:
        api.upload("o/r", 1, FILE, lambda size: None)
    assert caught.value.message.startswith("the response for a ")
    assert problem in caught.value.message


def test_the_response_to_an_upload(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WriteClient, "upload", lambda *_, **__: ASSET)
    asset = api.upload("o/r", 1, FILE, lambda size: None)
    assert (asset.number, asset.name, asset.asset.size, asset.asset.id) == (3, "a", 1, "u")


def test_an_edit_sends_only_what_the_spec_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []

    def send(_: WriteClient, method: str, path: str, document: ReleaseEdit) -> bytes:
        sent.append((method, path, msgspec.to_builtins(document)))
        return b'{"id": 1, "tag_name": "v1", "draft": false, "prerelease": false}'

    monkeypatch.setattr(WriteClient, "send", send)
    api.edit("o/r", 1, ReleaseSpec("app", repo="o/r", tag="v1"), draft=False)
    api.create("o/r", ReleaseSpec("app", repo="o/r", tag="v1", title="One", notes="n", target="main", prerelease=True))
    api.unpublish("o/r", 1, "v1")
    path = "/api/v1/repos/o/r/releases"
    full = {"prerelease": True, "name": "One", "body": "n", "target_commitish": "main"}
    assert sent == [
        ("PATCH", f"{path}/1", {"tag_name": "v1", "draft": False, "prerelease": False}),
        ("POST", path, {"tag_name": "v1", "draft": True, **full}),
        ("PATCH", f"{path}/1", {"tag_name": "v1", "draft": True}),
    ]


def test_bytes_of_a_command_line_that_are_not_utf8() -> None:
    assert well_formed("naïve 🦀") == "naïve 🦀"
    assert well_formed("a\udcffb") == "a\ufffdb"
