"""The client's rules for tokens, redirects, proxies and certificates; scripted hosts stand for those of other names."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.errors import AuthError, BadForgeResponse, HeroBuildError, NetworkError, RepoNotFound, UsageError
from hero_build.events import Event, Retrying, silent
from hero_build.forge import proxies, url_policy
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.http_types import HttpRequest, HttpResponse, NoConnection, TransportError
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import fetch, read_small
from hero_build.forge.transports import Transports
from hero_build.forge.url import Url
from hero_build.model.steps import Asset
from hero_build.publish.http import WriteClient
from hero_build.settings import Secret
from support.fault_server import (
    Behaviour,
    Connection,
    FaultServer,
    SeenRequest,
    answer,
    document,
    json_answer,
    redirect,
    serve,
)
from support.limits import PATIENT, TOKEN

FORGE = "https://forge.example"
PATH = "/api/v1/repos/o/r/releases/latest"
REF = Ref("o/r")


Answer = HttpResponse | TransportError


def response(status: int, body: object = None, **headers: str) -> HttpResponse:
    content = b"" if body is None else json.dumps(body).encode()
    return HttpResponse(status, headers=headers, url=Url(FORGE), chunks=iter((content,)), close=lambda: None)


class ScriptedHosts:
    """Answers each address by its script, one after the other; the last answer stays."""

    def __init__(self) -> None:
        self.seen: list[HttpRequest] = []
        self._scripts: dict[str, list[Answer]] = {}

    def on(self, url: str, *answers: Answer) -> None:
        self._scripts[url] = list(answers)

    def headers(self, url: str) -> Mapping[str, str]:
        """Of the last request for an address."""
        last = [request for request in self.seen if str(request.url) == url][-1]
        return {name.lower(): value for name, value in last.headers.items()}

    def send(self, request: HttpRequest) -> HttpResponse:
        self.seen.append(request)
        answers = self._scripts[str(request.url)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, TransportError):
            raise answer
        body = b"".join(answer.chunks)
        answers[:] = answers or [replace(answer, chunks=iter((body,)))]
        return replace(answer, url=request.url, chunks=iter((body,)))

    def close(self) -> None:
        pass


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> ScriptedHosts:
    scripted = ScriptedHosts()
    monkeypatch.setattr(Transports, "make", lambda self: scripted)
    return scripted


def client(url: str = FORGE, plain_http: tuple[str, ...] = ()) -> Forgejo:
    return Forgejo(url, token=Secret(TOKEN), emit=silent, limits=PATIENT, plain_http=plain_http)


def refused(forge: Forgejo) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        forge.find(REF)
    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_https_is_not_left_for_http(hosts: ScriptedHosts) -> None:
    hosts.on(FORGE + PATH, response(302, location=f"http://forge.example{PATH}"))
    hosts.on(f"http://forge.example{PATH}", response(200, document("", "v1", {})))
    error = refused(client())
    assert isinstance(error, BadForgeResponse)
    assert "from https to plain http" in error.message
    assert [request.url.scheme for request in hosts.seen] == ["https"]


def test_an_asset_of_an_https_forge_is_not_fetched_over_http(hosts: ScriptedHosts) -> None:
    hosts.on(FORGE + PATH, response(200, document("http://forge.example", "v1", {"prog": 1})))
    error = refused(client())
    assert isinstance(error, BadForgeResponse)
    assert "offers prog over plain http" in error.message


@pytest.mark.parametrize(
    "to",
    [
        "https://forge.example:8443/x",
        "https://other.example/x",
        "https://forge.example.evil/x",
        "https://sub.forge.example/x",
    ],
)
def test_another_origin_gets_no_token(hosts: ScriptedHosts, to: str) -> None:
    hosts.on(FORGE + PATH, response(307, location=to))
    hosts.on(to, response(200, document(FORGE, "v1", {})))
    assert client().find(REF).tag == "v1"
    assert "authorization" not in hosts.headers(to)


@pytest.mark.parametrize("to", ["https://forge.example:443/x", "https://FORGE.example/x", "/x", "//forge.example/x"])
def test_the_same_origin_gets_the_token(hosts: ScriptedHosts, to: str) -> None:
    hosts.on(FORGE + PATH, response(307, location=to))
    hosts.on(f"{FORGE}/x", response(200, document(FORGE, "v1", {})))
    assert client().find(REF).tag == "v1"
    assert hosts.headers(f"{FORGE}/x")["authorization"] == f"token {TOKEN}"


def test_over_plain_http_a_token_goes_to_listed_hosts_only(hosts: ScriptedHosts) -> None:
    latest = "http://forge.example:3000" + PATH
    hosts.on(latest, response(404))
    hosts.on("http://forge.example:3000/api/v1/repos/o/r", response(404))
    error = refused(client("http://forge.example:3000"))
    assert isinstance(error, RepoNotFound)
    assert "plain_http" in error.hint
    assert "authorization" not in hosts.headers(latest)
    for listed in ("forge.example", "forge.example:3000"):
        refused(client("http://forge.example:3000", (listed,)))
        assert hosts.headers(latest)["authorization"] == f"token {TOKEN}"
    refused(client("http://forge.example:3000", ("forge.example:80", "example")))
    assert "authorization" not in hosts.headers(latest)


def test_a_connection_that_fails_once_is_tried_again(hosts: ScriptedHosts) -> None:
    events: list[Event] = []
    good = response(200, document(FORGE, "v1", {}))
    hosts.on(FORGE + PATH, NoConnection("refused"), TransportError("late"), good)
    assert Forgejo(FORGE, token=None, emit=events.append, limits=PATIENT).find(REF).tag == "v1"
    assert [event.why for event in events if isinstance(event, Retrying)] == [
        "forge.example cannot be reached: refused",
        "forge.example did not respond: late",
    ]


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine(host: str) -> None:
    assert url_policy.is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1.example", "localhost.example", "10.0.0.1", "::2", "", "0.0.0.0"])
def test_other_machines(host: str) -> None:
    assert not url_policy.is_loopback(host)


def test_a_proxy_of_the_environment_is_used(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, downloads: DownloadDir
) -> None:
    monkeypatch.setenv("http_proxy", faults.url)
    data = bytes(100_000)
    release = document("http://forge.example", "v1", {"prog": len(data)})
    faults.on(f"http://forge.example{PATH}", answer(502), json_answer(release))
    faults.on("http://forge.example/dl/v1/prog", serve(data))
    forge = client("http://forge.example")
    downloaded = fetch(forge, forge.find(REF).assets[0], downloads, limits=PATIENT)
    assert downloaded.sha256 == hashlib.sha256(data).hexdigest()
    assert {seen.headers["host"] for seen in faults.seen} == {"forge.example"}
    assert all("authorization" not in seen.headers for seen in faults.seen)
    forge.close()


def test_no_proxy_and_this_machine_are_asked_directly(faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    faults.on("/sums", serve(b"abc"))
    assert read_small(client(faults.url), Asset("sums", f"{faults.url}/sums"), limits=PATIENT) == b"abc"
    monkeypatch.setenv("no_proxy", "forge.example,.internal")
    assert proxies.proxy_for(Url("http://forge.example/x")) is None
    assert proxies.proxy_for(Url("http://a.internal/x")) is None
    assert proxies.proxy_for(Url("http://other.example/x")) == "http://127.0.0.1:9"
    monkeypatch.setenv("all_proxy", "proxy.example:3128")
    assert proxies.proxy_for(Url("https://other.example/x")) == "http://proxy.example:3128"


def test_a_proxy_that_refuses(faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", faults.url)
    faults.on("forge.example:443", answer(407))
    error = refused(client())
    assert isinstance(error, NetworkError)
    assert "proxy" in error.message
    assert "https_proxy" in error.hint
    assert len(faults.seen) == 1
    assert TOKEN not in str(faults.seen)


@pytest.mark.parametrize("proxy", ["socks5://user:hush@127.0.0.1:1", "gopher://user:hush@h"])
def test_a_proxy_of_a_kind_that_is_not_there(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    error = refused(client())
    assert isinstance(error, UsageError)
    assert "hush" not in f"{error.message}{error.hint}"


def test_an_untrusted_certificate_is_refused(encrypted: FaultServer) -> None:
    error = refused(client(encrypted.url))
    assert isinstance(error, NetworkError)
    assert "is not trusted" in error.message
    assert "SSL_CERT_FILE" in error.hint
    assert encrypted.accepted == 1, "that will not pass by trying again"


def test_a_private_authority_by_SSL_CERT_FILE(
    encrypted: FaultServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    downloads: DownloadDir,
    faults: FaultServer,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    data = bytes(3_000_000)
    encrypted.release("o/r", "v1", {"prog": data})
    forge = client(encrypted.url)
    asset = forge.find(REF).assets[0]
    assert fetch(forge, asset, downloads, limits=PATIENT).size == len(data)
    assert encrypted.accepted == 1, "one connection is enough"
    encrypted.on("/dl/v1/prog", redirect(f"{faults.url}/prog"))
    with pytest.raises(BadForgeResponse, match="from https to plain http"):
        read_small(forge, asset, limits=PATIENT)
    assert not faults.seen
    forge.close()


def test_an_invalid_token_differs_from_a_missing_one(faults: FaultServer) -> None:
    faults.on(PATH, answer(401, b'{"message": "invalid"}'))
    error = refused(client(faults.url))
    assert isinstance(error, AuthError)
    assert "unset it" in error.hint


@pytest.mark.parametrize("token", ["", "a b", "a\nX-More: 1", "é", "a\0", "'abc' "])
def test_a_malformed_token_is_neither_sent_nor_shown(faults: FaultServer, token: str) -> None:
    with pytest.raises(UsageError) as caught:
        Forgejo(faults.url, token=Secret(token), emit=silent, limits=PATIENT)
    assert "FORGEJO_TOKEN" in caught.value.message
    assert not token or token not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("url", ["https:", "https://", "http://a:x", "ftp://h", "forge.example", ""])
def test_malformed_forge_addresses(url: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a forge"):
        Forgejo(url, token=None, emit=silent, limits=PATIENT)


def said_token(status: int, name: str) -> Behaviour:
    """A server that says what it was sent, as a debugging proxy does."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        said = request.headers["authorization"]
        where = {"Location": f"ftp://{said.split()[1]}/"} if status == 302 else {}
        answer(status, json.dumps({name: said}).encode(), where)(connection, request)

    return behave


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (said_token(403, "message"), "(403): token ***"),
        (said_token(404, "message"), ""),
        (said_token(418, "other"), '418: {"other": "token ***"}'),
        (said_token(302, "message"), "names an invalid address: 'ftp://***/'"),
    ],
)
def test_a_token_that_a_server_says_is_not_shown(faults: FaultServer, behaviour: Behaviour, message: str) -> None:
    faults.release("o/r", "v1", {})
    faults.on(PATH, behaviour)
    with pytest.raises(HeroBuildError) as caught:
        Forgejo(faults.url, token=Secret(TOKEN), emit=silent, limits=PATIENT).find(REF)
    assert message in caught.value.message
    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"


def test_publishing_does_not_show_it_either(faults: FaultServer) -> None:
    faults.on("/api/v1/x", said_token(403, "message"))
    with pytest.raises(AuthError) as caught:
        WriteClient(f"{faults.url}/api/v1", token=Secret(TOKEN), limits=PATIENT, plain_http=()).send("POST", "/x")
    assert "(403): token ***" in caught.value.message
