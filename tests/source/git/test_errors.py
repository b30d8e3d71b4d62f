"""What git writes when a proxy refuses it names that proxy, and is not blamed on the token."""

import os
import subprocess
from pathlib import Path

import pytest

from hero_build.errors import NetworkError
from hero_build.settings import Secret
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.errors import git_error
from hero_build.source.git.paths import Checkout
from support.fault_server import FaultServer, answer

URL = "https://forge.example/o/r.git"


def proxy_error(tmp_path: Path, output: str) -> NetworkError:
    access = GitAccess("https://forge.example", Secret("t" * 40))
    checkout = Checkout(tmp_path, "o/r", URL)
    error = git_error("clone", tail=output.splitlines(), checkout=checkout, access=access)
    assert isinstance(error, NetworkError)
    assert "token" not in error.hint.lower()
    return error


@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_that_refuses_git(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    monkeypatch.setenv("https_proxy", f"http://user:hush@127.0.0.1:{faults.port}")
    faults.on("forge.example:443", answer(status))
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(["git", "ls-remote", URL], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode != 0
    error = proxy_error(tmp_path, done.stderr)
    assert f"The proxy for it is 127.0.0.1:{faults.port}" in error.hint
    assert "hush" not in f"{error.message}{error.hint}"


@pytest.mark.parametrize(
    "line",
    [
        "fatal: unable to access 'https://forge.example/o/r.git/': CONNECT tunnel failed, response 403",
        "fatal: unable to access 'https://forge.example/o/r.git/': Received HTTP code 403 from proxy after CONNECT",
        "fatal: unable to access 'https://forge.example/o/r.git/': Could not resolve proxy: proxy.invalid",
    ],
)
def test_the_words_of_several_versions_of_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str) -> None:
    monkeypatch.delenv("https_proxy", raising=False)
    assert proxy_error(tmp_path, line).hint.startswith("Check http_proxy, https_proxy and no_proxy")


def test_a_token_that_a_server_says_through_git_is_not_shown(tmp_path: Path) -> None:
    token = "t" * 40
    said = [f"remote: no access with {token}", f"fatal: Authentication failed for '{URL}'"]
    for tail in (said, said[:1], [f"fatal: remote error: {token}"]):
        access = GitAccess("https://forge.example", Secret(token))
        error = git_error("clone", tail=tail, checkout=Checkout(tmp_path, "o/r", URL), access=access)
        assert token not in f"{error.message}{error.hint}{error.tail}"
