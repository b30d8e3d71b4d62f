"""Files behind object storage, and at other hosts: asked with GET alone, and refusals there are not the token's."""

import pytest

from hero_build.errors import AssetNotFound, AuthError, BadForgeResponse, HeroBuildError, ReleaseNotFound, RepoNotFound
from hero_build.events import silent
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import read_small
from hero_build.model.artifacts import GenericPackage
from hero_build.model.steps import Asset
from hero_build.settings import Secret
from support.fault_server import Behaviour, Connection, FaultServer, SeenRequest, answer, redirect, serve
from support.limits import PATIENT, TOKEN

PACKAGE = GenericPackage("o", "tool", "v1")
BASE = "/api/packages/o/generic/tool/v1"
DENIED = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'


def signed_for_get(data: bytes, *, ranges: bool = True) -> Behaviour:
    """A storage whose address is signed: the method is part of the signature."""
    storage = serve(data, ranges=ranges)

    def behave(connection: Connection, request: SeenRequest) -> None:
        part = request.headers.get("range") == "bytes=0-0" and ranges
        if request.method != "GET":
            answer(403, DENIED)(connection, request)
        elif part and data:
            answer(206, data[:1], {"Content-Range": f"bytes 0-0/{len(data)}", "ETag": '"one"'})(connection, request)
        elif part:
            answer(416, b"", {"Content-Range": "bytes */0"})(connection, request)
        else:
            storage(connection, request)

    return behave


def anonymous(url: str) -> Forgejo:
    return Forgejo(url, token=None, emit=silent, limits=PATIENT)


def unlisted(faults: FaultServer) -> Ref:
    faults.on(
        f"/api/v1/packages/{PACKAGE.owner}/generic/tool/v1/files", answer(401, b'{"message": "token is required"}')
    )
    return Ref("o/tool", package=PACKAGE, names=("tool", "older"))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_package_whose_files_are_at_addresses_signed_for_get(
    faults: FaultServer, another: FaultServer, ranges: bool
) -> None:
    faults.on(f"{BASE}/tool", redirect(f"{another.url}/bucket/7?X-Signature=abc"))
    another.on("/bucket/7", signed_for_get(b"12345", ranges=ranges))
    (asset,) = anonymous(faults.url).find(unlisted(faults)).assets
    assert (asset.name, asset.size, asset.url) == ("tool", 5, f"{faults.url}{BASE}/tool")
    assert read_small(anonymous(faults.url), asset, limits=PATIENT) == b"12345"
    assert {request.method for request in (*faults.seen, *another.seen)} == {"GET"}


def test_an_empty_file_of_a_package_has_the_size_0(faults: FaultServer) -> None:
    faults.on(f"{BASE}/tool", signed_for_get(b""))
    (asset,) = anonymous(faults.url).find(unlisted(faults)).assets
    assert asset.size == 0


def test_a_file_that_the_storage_lost_is_not_a_file_that_was_never_published(
    faults: FaultServer, another: FaultServer
) -> None:
    faults.on(f"{BASE}/tool", redirect(f"{another.url}/bucket/7"))
    with pytest.raises(AssetNotFound, match="is not where the forge says") as caught:
        anonymous(faults.url).find(unlisted(faults))
    assert f"127.0.0.1:{another.port}, which is not the forge, has no /bucket/7 (404)" in caught.value.message


def test_a_package_that_has_none_of_the_files(faults: FaultServer) -> None:
    with pytest.raises(ReleaseNotFound, match="has none of tool, older"):
        anonymous(faults.url).find(unlisted(faults))


def refusal(forge: Forgejo, url: str) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        read_small(forge, Asset("prog", url), limits=PATIENT)
    return caught.value


@pytest.mark.parametrize("token", [None, Secret(TOKEN)])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 412])
def test_a_refusal_of_the_storage_is_not_blamed_on_the_token(
    faults: FaultServer, another: FaultServer, status: int, token: Secret | None
) -> None:
    faults.on("/prog", redirect(f"{another.url}/bucket/7?X-Signature=abc"))
    another.on("/bucket/7", answer(status, DENIED))
    forge = Forgejo(faults.url, token=token, emit=silent, limits=PATIENT)
    error = refusal(forge, f"{faults.url}/prog")
    assert type(error) is (AssetNotFound if status == 404 else BadForgeResponse)
    assert f"127.0.0.1:{another.port}, which is not the forge" in error.message
    assert error.message.endswith(f"({status}): Request has expired")
    assert "token" not in f"{error.message}{error.hint}".lower()
    assert "abc" not in error.message, "a signature is a secret"
    assert error.hint.startswith(f"127.0.0.1:{faults.port} sends there for the file")


@pytest.mark.parametrize("status", [403, 404])
def test_an_address_at_another_host_says_that_the_token_was_withheld(
    faults: FaultServer, another: FaultServer, status: int
) -> None:
    another.on("/prog", answer(status))
    url = f"{another.url}/prog"
    error = refusal(Forgejo(faults.url, token=Secret(TOKEN), emit=silent, limits=PATIENT), url)
    assert f"the token is sent to 127.0.0.1:{faults.port} only" in error.hint
    assert "ROOT_URL" in error.hint
    assert "token" not in refusal(anonymous(faults.url), url).hint.lower()
    assert all("authorization" not in request.headers for request in another.seen)


@pytest.mark.parametrize("token", [None, Secret(TOKEN)])
def test_a_forge_that_redirects_to_its_own_address_names_it(
    faults: FaultServer, another: FaultServer, token: Secret | None
) -> None:
    """From http to https, or to its canonical name: that is not its storage, and the token stays behind."""
    paths = ("/api/v1/repos/o/tool/releases/latest", "/api/v1/repos/o/tool", "/o/tool/releases/download/v1/prog")
    for path in paths:
        faults.on(path, redirect(f"{another.url}{path}"))
        another.on(path, answer(404))
    forge = Forgejo(faults.url, token=token, emit=silent, limits=PATIENT)
    with pytest.raises(RepoNotFound) as caught:
        forge.find(Ref("o/tool"))
    for error in (caught.value, refusal(forge, f"{faults.url}{paths[2]}")):
        assert error.hint.startswith(f"127.0.0.1:{faults.port} redirects to {another.url}")
        assert error.hint.endswith(f"use --forge {another.url}.")
        assert ("FORGEJO_TOKEN" in error.hint) == (token is None)
    assert all("authorization" not in request.headers for request in another.seen)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_without_a_token_no_hint_speaks_as_if_there_were_one(faults: FaultServer, status: int) -> None:
    faults.on("/prog", answer(status))
    error = refusal(anonymous(faults.url), f"{faults.url}/prog")
    assert isinstance(error, AssetNotFound if status == 404 else AuthError)
    assert error.hint == "If it is private, set FORGEJO_TOKEN to a token that may read it."
    error = refusal(Forgejo(faults.url, token=Secret(TOKEN), emit=silent, limits=PATIENT), f"{faults.url}/prog")
    assert "token" in error.hint
