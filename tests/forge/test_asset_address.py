"""Addresses of assets as a server writes them, and where they are reached; assets that are only links."""

import pytest

from hero_build.forge.asset_address import reachable_address
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import read_small
from hero_build.publish.api_documents import UploadResponse
from support.fault_server import FaultServer, json_answer, serve
from support.limits import PATIENT, TOKEN

FORGE = "https://forge.example"
FILE = "/o/r/releases/download/v1/prog"
SLASH = "/o/r/releases/download/rel/1.0%2Bx/a%20b"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"http://10.0.0.7:3000{FILE}", f"{FORGE}{FILE}"),
        (f"https://other.example{FILE}", f"{FORGE}{FILE}"),
        (f"https://other.example/git{FILE}", f"{FORGE}{FILE}"),
        (f"https://forge.example:8443{FILE}", f"{FORGE}{FILE}"),
        (
            "https://other.example/o/r/releases/download/rel/1.0%2Bx/a%20b",
            f"{FORGE}/o/r/releases/download/rel/1.0%2Bx/a%20b",
        ),
        ("http://localhost:3000/attachments/0b7c-ab12", f"{FORGE}/attachments/0b7c-ab12"),
        (f"{FORGE}{FILE}?x=1", f"{FORGE}{FILE}?x=1"),
        ("https://cdn.example/files/prog", "https://cdn.example/files/prog"),
        ("https://other.example/attachments/../admin", "https://other.example/attachments/../admin"),
        ("http://[bad", "http://[bad"),
        ("", ""),
    ],
)
def test_the_path_at_the_given_address_where_the_server_itself_has_the_file(url: str, expected: str) -> None:
    assert reachable_address(url, FORGE, "attachment") == expected
    assert reachable_address(url, FORGE, None) == expected


def test_a_forge_below_a_path() -> None:
    below = f"{FORGE}/git"
    assert reachable_address(f"http://10.0.0.7{FILE}", below, None) == f"{below}{FILE}"
    assert reachable_address(f"{below}{FILE}", below, None) == f"{below}{FILE}"
    assert reachable_address(f"{FORGE}{FILE}", below, None) == f"{below}{FILE}"


def test_a_link_stays_where_it_leads() -> None:
    url = f"https://other.example{FILE}"
    assert reachable_address(url, FORGE, "external") == url


def test_the_token_goes_along_to_the_given_address_only(
    forge: Forgejo, faults: FaultServer, another: FaultServer
) -> None:
    asset = {"name": "prog", "size": 3, "uuid": "u", "browser_download_url": f"{another.url}{FILE}"}
    faults.on("/api/v1/repos/o/r/releases/latest", json_answer({"tag_name": "v1", "assets": [asset]}))
    faults.on(FILE, serve(b"abc"))
    assert read_small(forge, forge.find(Ref("o/r")).assets[0], limits=PATIENT) == b"abc"
    assert faults.seen[-1].headers["authorization"] == f"token {TOKEN}"
    assert another.seen == []


def test_a_link_has_no_known_size_and_gets_no_token(forge: Forgejo, faults: FaultServer, another: FaultServer) -> None:
    asset = {"name": "prog", "size": 0, "type": "external", "browser_download_url": f"{another.url}{FILE}"}
    faults.on("/api/v1/repos/o/r/releases/latest", json_answer({"tag_name": "v1", "assets": [asset]}))
    another.on(FILE, serve(b"abc"))
    (found,) = forge.find(Ref("o/r")).assets
    assert found.size is None
    assert read_small(forge, found, limits=PATIENT) == b"abc"
    assert "authorization" not in another.seen[0].headers


def test_a_link_in_a_release_that_is_published_to() -> None:
    link = UploadResponse(
        7, name="prog", size=0, uuid="u", browser_download_url=f"https://other.example{FILE}", type="external"
    )
    assert (link.asset(FORGE).asset.size, link.asset(FORGE).asset.url) == (None, f"https://other.example{FILE}")
    file = UploadResponse(
        7, name="prog", size=3, uuid="u", browser_download_url=f"https://other.example{FILE}", type="attachment"
    )
    assert (file.asset(FORGE).asset.size, file.asset(FORGE).asset.url) == (3, f"{FORGE}{FILE}")
