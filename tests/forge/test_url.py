"""Addresses in their parts, as servers, redirects and people write them."""

import pytest

from hero_build.forge.url import InvalidUrl, Url


@pytest.mark.parametrize(
    ("text", "normal", "host"),
    [
        ("https://forge.example", "https://forge.example/", "forge.example"),
        ("HTTPS://FORGE.Example:443/A", "https://forge.example/A", "forge.example"),
        ("http://forge.example:80/?q=1&r", "http://forge.example/?q=1&r", "forge.example"),
        (
            "http://forge.example:3000/a%2Fb/c d?x=ü#part",
            "http://forge.example:3000/a%2Fb/c%20d?x=%C3%BC",
            "forge.example",
        ),
        ("https://[FD00::7]:8443/x", "https://[fd00::7]:8443/x", "fd00::7"),
        ("https://user:hush@forge.example/x", "https://forge.example/x", "forge.example"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x", "bücher.example"),
        ("https://XN--bcher-kva.example/x", "https://xn--bcher-kva.example/x", "bücher.example"),
        ("http://127.0.0.1:3000/a//b", "http://127.0.0.1:3000/a//b", "127.0.0.1"),
    ],
)
def test_an_address_in_its_normal_form(text: str, normal: str, host: str) -> None:
    url = Url(text)
    assert (str(url), url.host) == (normal, host)
    assert Url(normal) == url
    assert hash(Url(normal)) == hash(url)


@pytest.mark.parametrize(
    "text",
    [
        *("", "forge.example", "https:", "https://", "https:///x", "ftp://forge.example/", "file:///etc/passwd"),
        *(
            "http://a:x",
            "http://a:99999/",
            "http://a b/",
            "http://a\tb/",
            "http://a/\nb",
            "http://[::1/",
            "http://[g]/",
        ),
        *("http://a\\b/", "http://a%2Fb/", "http://" + "ü" * 200 + "/", "http://a/" + "x" * 70_000),
    ],
)
def test_what_is_not_an_address(text: str) -> None:
    with pytest.raises(InvalidUrl):
        Url(text)


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("/x", "https://forge.example:3000/x"),
        ("x?y", "https://forge.example:3000/a/x?y"),
        ("../x", "https://forge.example:3000/x"),
        ("//other.example/x", "https://other.example/x"),
        ("http://other.example", "http://other.example/"),
        ("", "https://forge.example:3000/a/b?c=d"),
    ],
)
def test_where_a_reference_leads(reference: str, target: str) -> None:
    assert str(Url("https://user:hush@forge.example:3000/a/b?c=d").follow(reference)) == target


@pytest.mark.parametrize("reference", ["file:///etc/passwd", "http://", "http://a:x", "javascript:x"])
def test_a_reference_that_leads_nowhere(reference: str) -> None:
    with pytest.raises(InvalidUrl):
        Url("https://forge.example/a").follow(reference)


def test_the_parts() -> None:
    url = Url("http://user:hush@forge.example/a%20b?c=%20")
    assert (url.scheme, url.port, url.known_port, url.netloc) == ("http", None, 80, "forge.example")
    assert (url.path, url.target, url.login) == ("/a b", "/a%20b?c=%20", "user:hush")
