"""The cockpit against those who have no business there, with a plain HTTP client."""

import http.client
import json
import re
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support import rpc_server, worlds
from support.processes import LONG
from support.rpc_server import Answer, RpcServer
from support.worlds import World

LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "catalog.list"})
DATA = re.compile(r'<script id="catalog" type="application/json">(.*?)</script>')
INSTALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "catalog.install", "params": {"name": "db"}})


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    """A world with an app to install, for all tests of this module."""
    with tempfile.TemporaryDirectory(prefix="hero-") as folder:
        world = worlds.empty(Path(folder))
        world.recipe("db")
        world.release("db", "v1")
        yield world


@pytest.fixture(scope="module")
def shared(site: World) -> Iterator[RpcServer]:
    with rpc_server.serving(site, "--http", "127.0.0.1:0") as started:
        yield started


@pytest.fixture
def server(shared: RpcServer) -> RpcServer:
    """The server of all tests, with an address that nobody has used."""
    shared.url = shared.post("", target="/cockpit/address").document["url"]
    return shared


@pytest.fixture
def own(home: World) -> Iterator[RpcServer]:
    """A server of the test's own, which no other test has attacked."""
    with rpc_server.serving(home, "--http", "127.0.0.1:0") as started:
        yield started


class Client:
    """Sends the requests of a test, and keeps the cookie that it gets."""

    def __init__(self, server: RpcServer) -> None:
        self.url = urlsplit(server.url)
        self.host = self.url.netloc
        self.cookie = ""

    def send(
        self, method: str, target: str, body: str | bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """`headers` of None are left out."""
        sent: dict[str, str | None] = {"Host": self.host}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if method == "POST":
            sent |= {
                "Content-Type": "application/json",
                "Origin": f"http://{self.host}",
                "Sec-Fetch-Site": "same-origin",
            }
        sent |= headers or {}
        connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=LONG)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            data = body.encode() if isinstance(body, str) else body
            if data is not None and "Content-Length" not in sent:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def sign_in(self) -> Answer:
        answer = self.send("GET", f"/?{self.url.query}")
        assert answer.status == 200, answer.body
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        return answer

    def post(self, body: str | bytes = LIST, **headers: str | None) -> Answer:
        return self.send("POST", "/rpc", body, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def outsider(server: RpcServer) -> Client:
    return Client(server)


@pytest.fixture
def user(server: RpcServer) -> Client:
    client = Client(server)
    client.sign_in()
    return client


def test_a_session_may_do_everything_and_its_cookie_is_strict(outsider: Client) -> None:
    answer = outsider.sign_in()
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "location" not in answer.headers
    assert outsider.send("GET", "/").status == 200
    answer = outsider.post()
    assert (answer.status, [app["name"] for app in answer.document["result"]["apps"]].count("db")) == (200, 1)


@pytest.mark.parametrize(
    "target", ["/", "/rpc", "/events", "/openrpc.json", "/health", "/.well-known/heroservice.json"]
)
def test_no_cookie_no_answer(outsider: Client, target: str) -> None:
    answer = outsider.send("GET", target)
    assert (answer.status, "set-cookie" in answer.headers) == (401, False)
    assert b"db" not in answer.body
    assert outsider.post().status == 401
    assert outsider.post(Cookie=f"hero_build_{outsider.url.port}=x").status == 401


def test_a_stolen_address_works_once(own: RpcServer) -> None:
    user, thief = Client(own), Client(own)
    user.sign_in()
    answer = thief.send("GET", f"/?{thief.url.query}")
    assert (answer.status, "set-cookie" in answer.headers) == (403, False)
    assert thief.post().status == 401
    assert user.post().status == 200


def test_only_a_get_of_the_page_uses_an_address_up(outsider: Client) -> None:
    query = outsider.url.query
    for method, target in (("HEAD", f"/?{query}"), ("POST", f"/?{query}"), ("GET", f"/rpc?{query}")):
        assert "set-cookie" not in outsider.send(method, target, "{}" if method == "POST" else None).headers
    assert outsider.sign_in()


def test_guesses_are_limited_and_say_when_to_go_on(own: RpcServer) -> None:
    outsider = Client(own)
    statuses = [outsider.send("GET", f"/?token={number}").status for number in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    answer = outsider.send("GET", f"/?{outsider.url.query}")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 61


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_another_origin_is_refused(site: World, user: Client, origin: str) -> None:
    assert user.post(INSTALL, Origin=origin).status == 403
    assert not site.root.path.joinpath("bin").exists()


@pytest.mark.parametrize("fetch_site", ["cross-site", "same-site", "unheard-of"])
def test_another_site_is_refused(user: Client, fetch_site: str) -> None:
    assert user.post(Sec_Fetch_Site=fetch_site).status == 403
    assert user.send("GET", "/events", headers={"Sec-Fetch-Site": fetch_site}).status == 403
    assert user.send("GET", "/", headers={"Sec-Fetch-Site": fetch_site}).status == 403
    link = {"Sec-Fetch-Site": fetch_site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert user.send("GET", "/", headers=link).status == 200
    assert user.send("GET", "/", headers={**link, "Sec-Fetch-Dest": "iframe"}).status == 403
    assert user.send("GET", "/openrpc.json", headers=link).status == 403


@pytest.mark.parametrize(
    "other", ['prefs={"a": [1]}', "a b c", "=x", "Path=/", "secure", "a[0]=1", 'a="open', "a=1;;", "a=\u00e9", "a=\x01"]
)
def test_cookies_of_other_programs_of_this_host_end_no_session(user: Client, other: str) -> None:
    for cookies in (f"{other}; {user.cookie}", f"{user.cookie}; {other}"):
        assert user.post(Cookie=cookies).status == 200


@pytest.mark.parametrize("kind", ["application/json;charset=utf-8; x=y", 'Application/JSON ; x=y; charset="UTF-8"'])
def test_parameters_of_the_content_type(user: Client, kind: str) -> None:
    assert user.post(Content_Type=kind).status == 200


@pytest.mark.parametrize("query", ["&".join(["a=1"] * 2000), "=&=&;", "%", "a" * 9000])
def test_a_query_without_a_token_shows_how_to_sign_in(outsider: Client, query: str) -> None:
    answer = outsider.send("GET", f"/?{query}")
    assert (answer.status, b"not signed in" in answer.body) == (401, True)
    assert "content-security-policy" in answer.headers


def test_no_path_is_redirected(user: Client) -> None:
    """The server does not know its own scheme behind a proxy."""
    for target in ("/rpc/", "/health/", "//evil.example/..", "/assets/version/cockpit.js/"):
        answer = user.send("GET", target)
        assert (answer.status, "location" in answer.headers) == (404, False)


def test_a_head_of_the_events_ends(user: Client) -> None:
    answer = user.send("HEAD", "/events")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


def test_a_client_that_is_no_browser_sends_neither(user: Client) -> None:
    assert user.post(Origin=None, Sec_Fetch_Site=None).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "192.0.2.1:{port}"]
)
def test_a_rebound_name_is_refused(user: Client, host: str) -> None:
    host = host.format(port=user.url.port)
    assert user.post(Host=host, Origin=None, Sec_Fetch_Site=None).status == 403
    assert user.post(Host=host, Origin=f"http://{host}").status == 403
    assert user.send("GET", f"/?{user.url.query}", headers={"Host": host}).status == 403
    assert user.send("GET", "/assets/cockpit.js", headers={"Host": host}).status == 403


def test_two_hosts_are_refused(user: Client) -> None:
    with socket.create_connection((user.url.hostname or "", user.url.port or 0), timeout=LONG) as sock:
        head = f"GET / HTTP/1.1\r\nHost: {user.host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        sock.sendall(head.encode())
        assert sock.makefile("rb").readline().split()[1] in (b"400", b"403")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", None])
def test_a_form_cannot_write(site: World, user: Client, kind: str | None) -> None:
    assert user.post(INSTALL, Content_Type=kind).status == 415
    assert not site.root.path.joinpath("bin").exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"])
def test_other_methods(user: Client, method: str) -> None:
    assert user.send(method, "/rpc").status in (400, 405)


@pytest.mark.parametrize(
    "target",
    [
        "/assets/../cockpit/access.json",
        "/assets/..%2f..%2faccess.py",
        "/assets/%2e%2e/gate.py",
        "/assets//etc/passwd",
        "/assets/.",
        "/assets/cockpit.js%00.css",
        "/assets/gate.py",
        "/assets/version/gate.py",
        "/assets/version/../../gate.py",
        "/assets/../cockpit/gate.py",
        "/assets/version/%2e%2e%2fgate.py",
        "/assets/version//etc/passwd",
        "/../../etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_page(user: Client, target: str) -> None:
    answer = user.send("GET", target)
    assert (answer.status, b"root:" in answer.body or b"import" in answer.body) == (404, False)


def test_an_oversized_body(user: Client) -> None:
    assert user.post(b" " * (300 << 10)).status == 413
    assert user.post(b"", Content_Length=str(1 << 40)).status == 413
    assert user.post().status == 200


def test_every_answer_has_the_policy(user: Client) -> None:
    for method, target in (
        ("GET", "/"),
        ("GET", "/assets/version/cockpit.css"),
        ("GET", "/nothing"),
        ("POST", "/rpc"),
        ("PUT", "/"),
    ):
        headers = user.send(method, target, LIST if method == "POST" else None).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
        assert "access-control-allow-origin" not in headers


def test_the_page_has_no_inline_script_or_style(user: Client) -> None:
    text = DATA.sub("", user.send("GET", "/").body.decode())
    assert not re.search(r"<script(?![^>]*src=)|<style|\son[a-z]+=|\sstyle=|javascript:", text)


def test_the_page_comes_with_the_catalog_as_data_that_no_text_can_end(site: World, user: Client) -> None:
    (site.recipes / "evil.py").write_text('"""evil: </script><script>alert(1)</script><!--"""\nraise ValueError\n')
    text = user.send("GET", "/").body.decode()
    (data,) = DATA.findall(text)
    apps = {app["name"]: app["about"] for app in json.loads(data)["apps"]}
    assert apps["evil"] == "</script><script>alert(1)</script><!--"
    assert text.count("<script") == 2
    assert "<!--" not in text


def test_the_page_weighs_under_60_kb(user: Client) -> None:
    """As a browser receives it, without the data; the page of a browser that is not signed in is not part of it."""
    page = DATA.sub("", user.send("GET", "/").body.decode())
    todo = set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', page))
    sizes = {"/": len(page.encode())}
    while todo - sizes.keys():
        name = min(todo - sizes.keys())
        body = user.send("GET", name).body
        sizes[name] = len(body)
        folder = name.rpartition("/")[0]
        todo |= {f"{folder}/{module.decode()}" for module in re.findall(rb'from "\./([a-z]+\.js)"', body)}
    assert len(sizes) > 6
    assert sum(sizes.values()) < 60_000


def test_a_browser_keeps_the_files_of_this_version_only(user: Client) -> None:
    page = user.send("GET", "/")
    assert page.headers["cache-control"] == "no-store"
    (own,) = re.findall(r'src="(/assets/[^"]+\.js)"', page.body.decode())
    assert "immutable" in user.send("GET", own).headers["cache-control"]
    older = user.send("GET", "/assets/older/cockpit.js")
    assert (older.status, older.headers["cache-control"]) == (200, "no-store")


def test_sign_out_ends_the_session_of_this_browser_alone(own: RpcServer) -> None:
    user, other = Client(own), Client(own)
    user.sign_in()
    other.url = urlsplit(own.post("", target="/cockpit/address").document["url"])
    other.sign_in()
    cookie = user.cookie
    answer = user.send("POST", "/sign-out")
    assert (answer.status, "hero_build" in answer.headers["set-cookie"]) == (204, True)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    user.cookie = cookie  # as somebody who kept it
    assert (user.send("GET", "/").status, user.post().status, user.send("POST", "/sign-out").status) == (401, 401, 401)
    assert other.post().status == 200


def test_sign_out_ends_the_stream_of_events(own: RpcServer) -> None:
    user = Client(own)
    user.sign_in()
    connection = http.client.HTTPConnection(user.url.hostname or "", user.url.port, timeout=LONG)
    with closing(connection):
        connection.request("GET", "/events", headers={"Cookie": user.cookie})
        with connection.getresponse() as stream:
            assert stream.readline().startswith(b"id:")
            assert user.send("POST", "/sign-out").status == 204
            own.error("catalog.restore", number=99)
            assert b"catalog.restore" not in stream.read()


def test_a_page_that_signs_out_another_site_is_refused(user: Client) -> None:
    assert user.send("POST", "/sign-out", headers={"Origin": "http://evil.example"}).status == 403
    assert user.send("GET", "/sign-out").status == 404
    assert user.post().status == 200


def test_the_secrets_on_disk_are_private(site: World, user: Client) -> None:
    (path,) = (site.root.state / "cockpit").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert user.cookie.partition("=")[2] not in path.read_text()


def test_the_unix_socket_needs_no_session(server: RpcServer) -> None:
    assert server.is_well()
    assert server.post(LIST).status == 200


def test_a_page_on_tcp_cannot_make_addresses(user: Client) -> None:
    assert user.send("POST", "/cockpit/address", "{}").status == 404


def test_serve_address_prints_a_fresh_one(home: World, own: RpcServer) -> None:
    done = home.ok("serve", "--address").splitlines()
    assert len(done) == 1
    old, new = Client(own), Client(own)
    new.url = urlsplit(done[0])
    assert old.send("GET", f"/?{old.url.query}").status == 403
    assert new.sign_in()
    assert new.post().status == 200


def test_what_cannot_be_stored_uses_no_address_up(home: World, own: RpcServer) -> None:
    obstacle = home.root.state / "cockpit" / "access.new"
    obstacle.mkdir()  # where the new file is written
    client = Client(own)
    for _ in range(2):
        refused = client.send("GET", f"/?{client.url.query}")
        assert (refused.status, b"The address still works" in refused.body) == (500, True)
    done = home.run("serve", "--address")
    assert (done.code, "access.new" in done.err) == (8, True)
    obstacle.rmdir()
    client.sign_in()
    obstacle.mkdir()
    assert client.send("POST", "/sign-out").status == 500
    obstacle.rmdir()
    assert client.post().status == 200


def test_serve_address_without_a_server_or_a_page(home: World) -> None:
    assert home.run("serve", "--address").code == 9
    with rpc_server.serving(home):
        assert home.run("serve", "--address").code == 2


def test_the_first_line_is_the_address(home: World) -> None:
    with rpc_server.printing(home, "serve", "--http", "127.0.0.1:0") as lines:
        first = next(lines)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{40,}\n", first)


def test_under_systemd_no_address_gets_into_the_journal(home: World) -> None:
    environ = {"NOTIFY_SOCKET": "@nobody"}
    with rpc_server.printing(home, "serve", "--http", "127.0.0.1:0", env=environ) as lines:
        text = next(lines) + next(lines)
    assert "serve --address" in text
    assert "token" not in text


@pytest.mark.parametrize(
    "words",
    [("--http", "0.0.0.0:0"), ("--http", "here:80"), ("--allow-remote",), ("--public-url", "https://a.example")],
)
def test_what_cannot_be_meant(home: World, words: tuple[str, ...]) -> None:
    done = home.run("serve", *words)
    assert done.code == 2, done.err
    assert not home.root.path.exists()


def test_a_port_that_is_taken(home: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = home.run("serve", "--http", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (done.code, "another program listens" in done.err) == (8, True)


def test_behind_a_proxy_the_cookie_needs_tls(home: World) -> None:
    words = ("--http", "127.0.0.1:0", "--public-url", "https://cockpit.example")
    with rpc_server.serving(home, *words) as server:
        assert server.url.startswith("https://cockpit.example/?token=")
        port = rpc_server.tcp_port(server.pid)
        client = Client(server)
        client.url = urlsplit(f"http://127.0.0.1:{port}/?{urlsplit(server.url).query}")
        cookie = client.sign_in().headers["set-cookie"]
        assert cookie.startswith("__Host-hero_build_")
        assert "Secure" in cookie
        assert client.post(Origin="https://cockpit.example").status == 200
        assert client.post(Origin="http://cockpit.example").status == 403
