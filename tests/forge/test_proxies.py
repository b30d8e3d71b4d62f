"""no_proxy as curl reads it; what comes from a proxy names it, without its password."""

import pytest

from hero_build.errors import HeroBuildError, NetworkError
from hero_build.events import silent
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.protocol import Ref
from hero_build.forge.proxies import proxy_for, proxy_name
from hero_build.forge.url import Url
from support.fault_server import FaultServer, answer, truncated
from support.limits import PATIENT

PROXY = "http://user:hush@proxy.example:3128"
LATEST = "http://forge.example/api/v1/repos/o/r/releases/latest"


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("10.0.0.0/8", "https://10.1.2.3/x", True),
        ("10.0.0.0/8", "https://11.1.2.3/x", False),
        ("10.1.2.9/24", "http://10.1.2.3:3000/x", True),
        ("192.168.0.0/16,10.0.0.0/8", "https://10.1.2.3/x", True),
        ("192.168.0.0/16 10.0.0.0/8", "https://10.1.2.3/x", True),
        ("10.1.2.3", "https://10.1.2.3/x", True),
        ("10.1.2.3", "https://10.1.2.30/x", False),
        ("10.0.0.0/33", "https://10.0.0.0/x", False),
        ("10.0.0.0/", "https://10.0.0.0/x", False),
        ("10.0.0.0/8", "https://10.example/x", False),
        ("0.0.0.0/0", "https://[fd00::7]/x", False),
        ("fd00::/8", "https://[fd00::7]/x", True),
        ("[fd00::]/8", "https://[fd00::7]:8443/x", True),
        ("[fd00::/8]", "https://[fd00::7]/x", True),
        ("[fd00::7]", "https://[fd00::7]/x", True),
        ("fd00::7", "https://[fd00:0::0:7]/x", True),
        ("fe80::/10", "https://[fd00::7]/x", False),
        ("forge.example", "https://forge.example/x", True),
        ("Forge.Example", "https://FORGE.example/x", True),
        (".forge.example", "https://forge.example/x", True),
        ("forge.example.", "https://git.forge.example/x", True),
        ("forge.example", "https://git.forge.example./x", True),
        ("bücher.example", "https://xn--bcher-kva.example/x", True),
        ("xn--bcher-kva.example", "https://git.bücher.example/x", True),
        ("forge.example:443", "https://forge.example/x", True),
        ("forge.example:8443", "https://forge.example/x", False),
        ("example", "https://forge.example/x", True),
        ("orge.example", "https://forge.example/x", False),
        ("*", "https://forge.example/x", True),
        ("*,.", "https://forge.example/x", False),
        ("", "https://forge.example/x", False),
        ("::,[,/,10.0.0.0/8/8", "https://10.1.2.3/x", False),
    ],
)
def test_no_proxy_lists_names_addresses_and_ranges(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, direct: bool
) -> None:
    monkeypatch.setenv("all_proxy", PROXY)
    monkeypatch.setenv("no_proxy", no_proxy)
    assert proxy_for(Url(url)) == (None if direct else PROXY)
    assert proxy_name(Url(url)) == (None if direct else "proxy.example:3128")


def refusal(url: str) -> HeroBuildError:
    forge = Forgejo(url, token=None, emit=silent, limits=PATIENT)
    with pytest.raises(HeroBuildError) as caught:
        forge.find(Ref("o/r"))
    forge.close()
    text = f"{caught.value.message} {caught.value.hint}"
    assert "hush" not in text
    assert caught.value.code in (3, 4)
    return caught.value


@pytest.fixture
def proxy(faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fault server as the proxy for everything; its host and port."""
    name = f"127.0.0.1:{faults.port}"
    monkeypatch.setenv("all_proxy", f"http://user:hush@{name}")
    return name


@pytest.mark.parametrize("status", [403, 418, 502])
def test_a_status_that_a_proxy_may_have_sent_names_it(faults: FaultServer, proxy: str, status: int) -> None:
    faults.on(LATEST, answer(status, b"blocked"))
    assert f"forge.example (or the proxy {proxy} before it)" in refusal("http://forge.example").message


def test_a_page_of_a_proxy_in_place_of_the_response(faults: FaultServer, proxy: str) -> None:
    faults.on(LATEST, answer(200, b"<title>Please log in</title>"))
    error = refusal("http://forge.example")
    assert f"the proxy {proxy} before it) answered" in error.message
    assert error.message.endswith("Please log in")


def test_a_proxy_that_asks_for_a_login(faults: FaultServer, proxy: str) -> None:
    faults.on(LATEST, answer(407))
    for url in ("http://forge.example", "https://forge.example"):
        faults.on("forge.example:443", answer(407))
        error = refusal(url)
        assert isinstance(error, NetworkError)
        assert f"the proxy {proxy} " in error.message
        assert "https_proxy" in error.hint
    assert len(faults.seen) == 2, "that will not pass by trying again"


def test_a_proxy_that_refuses_a_tunnel(faults: FaultServer, proxy: str) -> None:
    faults.on("forge.example:443", answer(403))
    assert refusal("https://forge.example").message.startswith(f"the proxy {proxy} for forge.example refuses: 403")


@pytest.mark.parametrize("url", ["http://forge.example", "https://forge.example"])
def test_a_proxy_that_is_not_there(faults: FaultServer, proxy: str, url: str) -> None:
    faults.stop()
    error = refusal(url)
    assert error.message.startswith(f"the proxy {proxy} for forge.example cannot be reached")
    assert "no_proxy" in error.hint


def test_a_response_that_breaks_off_behind_a_proxy(faults: FaultServer, proxy: str) -> None:
    faults.on(LATEST, truncated(b"x" * 100, 10))
    assert f"of forge.example through the proxy {proxy} broke off" in refusal("http://forge.example").message


def test_without_a_proxy_none_is_named(faults: FaultServer) -> None:
    faults.on("/api/v1/repos/o/r/releases/latest", answer(502))
    assert "proxy" not in refusal(faults.url).message
