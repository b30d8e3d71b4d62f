"""The addresses of the cockpit: what may be typed, and which Host and Origin are its own."""

import pytest

from hero_build.errors import UsageError
from hero_build.server.cockpit.listener import HttpOptions, addresses, http_options


@pytest.mark.parametrize("http", ["127.0.0.1:9470", "localhost:9470", "LOCALHOST:9470", "[::1]:9470", "127.0.0.2:0"])
def test_loopback_is_taken(http: str) -> None:
    chosen = http_options(http, None, allow_remote=False)
    assert chosen is not None
    assert chosen.port in (0, 9470)


@pytest.mark.parametrize(
    "http",
    [
        "9470",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:70000",
        "127.0.0.1:" + "1" * 5000,
        "example.org:80",
        ":9470",
        "[::1]",
    ],
)
def test_what_is_no_address(http: str) -> None:
    with pytest.raises(UsageError):
        http_options(http, None, allow_remote=True)


@pytest.mark.parametrize("http", ["0.0.0.0:9470", "[::]:9470", "192.0.2.1:9470"])
def test_another_address_needs_a_word(http: str) -> None:
    with pytest.raises(UsageError) as refused:
        http_options(http, None, allow_remote=False)
    assert "--allow-remote" in refused.value.hint
    assert http_options(http, None, allow_remote=True) is not None


@pytest.mark.parametrize(
    "url",
    [
        *("https://b\u00fccher.example", "https://a b", "https://a\nb", 'https://a"b', "https://a\\b", "https://a%2fb"),
        *("https://a..b", "https://*.example", "https://-a", "https://a,b", "https://[zz]", "https://a:443:1"),
        *(
            "ftp://a",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "a.example",
            "https://a:x",
            "https://a:0",
        ),
    ],
)
def test_what_is_no_public_address(url: str) -> None:
    with pytest.raises(UsageError):
        http_options("127.0.0.1:1", url, allow_remote=False)


def test_the_hosts_of_loopback() -> None:
    known = addresses(HttpOptions("127.0.0.1", 0), 9470)
    assert known.url == "http://127.0.0.1:9470"
    assert all(
        known.accepts_host(host) for host in ("127.0.0.1:9470", "localhost:9470", "LOCALHOST:9470", "[::1]:9470")
    )
    hosts = ("", "127.0.0.1", "127.0.0.1:80", "evil.example:9470", "127.0.0.1.evil.example:9470", "192.0.2.1:9470")
    assert not any(known.accepts_host(host) for host in hosts)
    assert known.accepts_origin("http://localhost:9470", "localhost:9470")
    origins = ("null", "", "http://127.0.0.1:9471", "https://127.0.0.1:9470", "http://evil.example:9470")
    assert not any(known.accepts_origin(origin, "127.0.0.1:9470") for origin in origins)


def test_a_wildcard_takes_addresses_and_no_names() -> None:
    known = addresses(HttpOptions("0.0.0.0", 0), 9470)
    assert known.accepts_host("192.0.2.7:9470")
    assert known.accepts_origin("http://192.0.2.7:9470", "192.0.2.7:9470")
    assert not known.accepts_origin("http://192.0.2.8:9470", "192.0.2.7:9470")
    assert not known.accepts_host("evil.example:9470")
    assert not known.accepts_host("192.0.2.7")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Cockpit.example:0443", "https://cockpit.example"),
        ("https://a:", "https://a"),
        ("https://a:08443/", "https://a:8443"),
        ("http://a:80", "http://a"),
        ("https://[::0:1]:8443", "https://[::1]:8443"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_public_address_is_what_a_browser_sends(url: str, origin: str) -> None:
    chosen = http_options("127.0.0.1:1", url, allow_remote=False)
    assert chosen is not None
    known = addresses(chosen, 1)
    assert known.url == origin
    assert known.accepts_origin(origin, origin.partition("://")[2])


def test_behind_a_proxy() -> None:
    chosen = http_options("127.0.0.1:9470", "https://Cockpit.example:443/", allow_remote=False)
    assert chosen is not None
    known = addresses(chosen, 9470)
    assert (known.url, known.secure) == ("https://cockpit.example", True)
    assert known.accepts_host("cockpit.example")
    assert known.accepts_origin("https://cockpit.example", "cockpit.example")
    assert not known.accepts_origin("http://cockpit.example", "cockpit.example")
