"""A real forge for tests: fixture `forge_server`, one server for all workers of a test run.

The first worker starts the server, and it stops when the last worker has ended. Every worker holds a shared flock on
one file; a keeper process (this module, run as a program) waits for the exclusive one, so that even a worker that is
killed leaves nothing running.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.processes import LONG

REPO = Path(__file__).resolve().parents[2]
TESTS = REPO / "tests"
START = 600  # seconds: the first start builds the server
PROGRAM = (sys.executable, "-m", "support.gitea")
"""Run in TESTS."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class ForgeServer:
    """The running server, with the token of an administrator. Its methods use the server's own API."""

    url: str
    token: str
    user: str
    password: str

    def create_repo(self, name: str, *, private: bool = False) -> str:
        """A repository with one commit; its full name."""
        self.api("POST", "/user/repos", {"name": name, "private": private, "auto_init": True, "default_branch": "main"})
        return f"{self.user}/{name}"

    def release(
        self,
        repo: str,
        tag: str,
        files: Mapping[str, bytes | Path] | Sequence[tuple[str, bytes | Path]],
        *,
        draft: bool = False,
        prerelease: bool = False,
    ) -> dict[str, Any]:
        """A release with its files, uploaded to a draft that is then published; the document of it."""
        body = {"tag_name": tag, "target_commitish": "main", "name": tag, "draft": True, "prerelease": prerelease}
        number = self.api("POST", f"/repos/{repo}/releases", body)["id"]
        for name, content in files.items() if isinstance(files, Mapping) else files:
            self.upload(repo, release=number, name=name, content=content)
        if not draft:
            self.api("PATCH", f"/repos/{repo}/releases/{number}", {"draft": False})
        found: dict[str, Any] = self.api("GET", f"/repos/{repo}/releases/{number}")
        return found

    def upload(self, repo: str, release: int, name: str, content: bytes | Path) -> dict[str, Any]:
        """One more asset of a release."""
        path = f"/repos/{repo}/releases/{release}/assets?name={quote(name, safe='')}"
        found: dict[str, Any] = self.api("POST", path, _content(content))
        return found

    def rename_repo(self, repo: str, name: str) -> str:
        found: str = self.api("PATCH", f"/repos/{repo}", {"name": name})["full_name"]
        return found

    def delete_repo(self, repo: str) -> None:
        self.api("DELETE", f"/repos/{repo}")

    def package(self, name: str, version: str, files: Mapping[str, bytes | Path]) -> None:
        """A generic package of the server's user."""
        for file, content in files.items():
            url = f"{self.url}/api/packages/{self.user}/generic/{name}/{version}/{quote(file, safe='')}"
            self.request("PUT", url, _content(content))

    def limited_token(self, name: str, scopes: Sequence[str]) -> str:
        """A token of the server's user that may do no more than `scopes`, such as `read:repository`."""
        basic = b64encode(f"{self.user}:{self.password}".encode()).decode()
        url = f"{self.url}/api/v1/users/{self.user}/tokens"
        body = json.dumps({"name": name, "scopes": list(scopes)}).encode()
        found: str = json.loads(self.request("POST", url=url, body=body, headers={"Authorization": f"Basic {basic}"}))[
            "sha1"
        ]
        return found

    def api(self, method: str, path: str, content: object = None) -> Any:
        """An answer of the API, decoded; bytes are sent as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        answer = self.request(method, url=f"{self.url}/api/v1{path}", body=body, headers={"Content-Type": kind})
        return json.loads(answer) if answer else None

    def request(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None = None) -> bytes:
        sent = {"Authorization": f"token {self.token}", "Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(url, body, sent, method=method)
        try:
            with _OPENER.open(request, timeout=LONG) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {url}: {error.code} {error.read(500)!r}") from None


@pytest.fixture(scope="session")
def forge_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForgeServer]:
    """The one real server of this test run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "forge.users").open("w") as users, (shared / "forge.mutex").open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        instance = _running(shared) or _start(shared)
        fcntl.flock(mutex, fcntl.LOCK_UN)
        yield _server(instance)


@contextmanager
def changed_server(**changes: object) -> Iterator[ForgeServer]:
    """A real server of its own whose configuration differs: `changed_server(api__MAX_RESPONSE_ITEMS=3)`."""
    words = [word for name, value in changes.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]
    command = [*PROGRAM, "--cache", str(_cache()), *words]
    environment = {key: value for key, value in os.environ.items() if key != "FORGEJO_TOKEN"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, cwd=TESTS
    ) as server:
        try:
            assert server.stdout is not None
            yield _server(json.loads(server.stdout.readline()))
        finally:
            server.send_signal(signal.SIGTERM)


def _server(instance: Mapping[str, str]) -> ForgeServer:
    """The server that `support.gitea` has announced."""
    return ForgeServer(instance["url"], token=instance["token"], user=instance["user"], password=instance["password"])


def _cache() -> Path:
    return Path(os.environ.get("HERO_BUILD_CACHE") or REPO / "cache") / "forge"


def _content(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _running(shared: Path) -> dict[str, str] | None:
    try:
        line = (shared / "forge.json").read_text()
    except FileNotFoundError:
        return None
    found: dict[str, str] | None = json.loads(line) if line.endswith("\n") else None
    return found


def _start(shared: Path) -> dict[str, str]:
    keeper = [sys.executable, "-m", "support.forge_server", str(shared)]
    subprocess.run(keeper, cwd=TESTS, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + START
    while time.monotonic() < end:
        if found := _running(shared):
            return found
        if (shared / "forge.failed").exists():
            pytest.fail(f"the forge did not start: {(shared / 'forge.log').read_text()[-2000:]}", pytrace=False)
        time.sleep(0.05)
    pytest.fail(f"the forge was not there after {START} s", pytrace=False)


def _keep(shared: Path) -> None:
    """Run the server until no one holds the lock on forge.users any more."""
    if os.fork():
        return  # the caller goes on; the keeper belongs to no one
    os.setsid()
    environment = {key: value for key, value in os.environ.items() if key != "FORGEJO_TOKEN"}
    with (shared / "forge.json").open("w") as out, (shared / "forge.log").open("w") as log:
        command = [*PROGRAM, "--cache", str(_cache())]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=environment, cwd=TESTS)
    if _watch(server, shared):
        (shared / "forge.json").unlink()
        (shared / "forge.failed").touch()


def _watch(server: "subprocess.Popen[bytes]", shared: Path) -> bool:
    """Wait for the server to fail, or for the last user to go; then stop it. A next user comes after its end."""
    with (shared / "forge.users").open("w") as users:
        while server.poll() is None:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.2)
                continue
            server.send_signal(signal.SIGTERM)
            server.wait(LONG)
            (shared / "forge.json").unlink()
            return False
    return True


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
