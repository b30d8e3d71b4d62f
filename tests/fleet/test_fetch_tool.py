"""The program that fetches hero-build on a new machine, run by a bare Python."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from hero_build.fleet import fetch_tool
from support.processes import LONG
from support.static_server import StaticServer


@pytest.fixture
def program(tmp_path: Path, mirror_server: StaticServer) -> bytes:
    content = b"#!/bin/sh\necho fetched\n"
    (mirror_server.folder / "hero-build").write_bytes(content)
    return content


def fetch(tmp_path: Path, url: str, sha256: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-I", "-S", str(fetch_tool.__file__), url, sha256, str(tmp_path / "tools")]
    return subprocess.run([*words, str(tmp_path / "link")], capture_output=True, text=True, timeout=LONG)


def test_it_is_linked_once_it_is_the_pinned_one(tmp_path: Path, program: bytes, mirror_server: StaticServer) -> None:
    sha256, link = hashlib.sha256(program).hexdigest(), tmp_path / "link"
    link.symlink_to("nowhere")
    done = fetch(tmp_path, f"{mirror_server.url}/hero-build", sha256)
    assert done.returncode == 0, done.stderr
    assert link.readlink() == tmp_path / "tools" / sha256 / "hero-build"
    assert subprocess.run([link], capture_output=True, text=True).stdout == "fetched\n"


def test_another_one_is_refused(tmp_path: Path, program: bytes, mirror_server: StaticServer) -> None:
    done = fetch(tmp_path, f"{mirror_server.url}/hero-build", "0" * 64)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"and {'0' * 64} is pinned")
    assert not (tmp_path / "link").exists()
    assert list((tmp_path / "tools" / ("0" * 64)).iterdir()) == []
