"""The Rust repositories of tests/world/: as git repositories in a mirror, as programs, and what those say on sockets.

    mirror(folder, "hero_bundle")               # file:///folder/mirror has it and the repos that its crates need
    binaries("hero_db") / "hero_db_server"      # built once, kept in cache/rustworld/

They need nothing but std: a cold build takes a second (hero_bundle: five), so a test that clones one may build it where
it likes. A target folder that clones share would save nothing, since cargo goes by the age of files.
"""

import fcntl
import functools
import http.client
import json
import os
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import git_repos
from support.processes import LONG, until

WORLD = Path(__file__).parents[1] / "world"
CACHE = Path(__file__).parents[2] / "cache" / "rustworld"
OWNER = "lhumina_code"
BRANCH = "development"
_DESKTOP = ("hero_archipelagos", "hero_os")  # which are WebAssembly, and not of std alone: see island_workspace.py
_NESTED = ("mycelium",)  # whose programs are in workspaces below its root: tests/scenarios/build/test_workspaces.py
NAMES = tuple(sorted({path.parent.name for path in WORLD.glob("*/Cargo.toml")} - {*_DESKTOP, *_NESTED}))


def repo(name: str) -> str:
    return f"{OWNER}/{name}"


@functools.cache
def siblings(name: str) -> tuple[str, ...]:
    """The repos whose crates it takes by path, from beside its own checkout."""
    dependencies = tomllib.loads((WORLD / name / "Cargo.toml").read_text()).get("dependencies", {})
    return tuple(sorted({Path(crate["path"]).parts[1] for crate in dependencies.values()}))


def mirror(folder: Path, *names: str) -> Path:
    """`<folder>/mirror`, which carries these repos (none named: all) and their siblings; branch `development`.

    Developers work on `<name>` in `upstream(<folder>/mirror, <name>)`.
    """
    made = folder / "mirror"
    for name in _closure(names or NAMES):
        git_repos.upstream(made, repo=repo(name), files=files(name), branch=BRANCH)
    return made


def upstream(mirror: Path, name: str) -> git_repos.Upstream:
    """A repo of `mirror(...)`, to commit and tag in."""
    return git_repos.Upstream(mirror, repo(name), mirror.parent / "developers" / repo(name))


def clones(folder: Path, mirror: Path, *names: str) -> Path:
    """`<folder>/code`, a CODEROOT with a clone of each."""
    made = folder / "code"
    for name in names:
        (made / OWNER).mkdir(parents=True, exist_ok=True)
        git_repos.git(made / OWNER, "clone", "--quiet", str(mirror / f"{repo(name)}.git"))
    return made


@functools.cache
def files(name: str) -> Mapping[str, str]:
    """What its git repository holds: its own files, none of them a link, and the Cargo.lock that cargo makes."""
    with tempfile.TemporaryDirectory() as folder:
        for each in _closure((name,)):
            git_repos.write(Path(folder) / each, _own(each))
        _cargo("generate-lockfile", "--offline", "--quiet", at=Path(folder) / name)
        return {**_own(name), "Cargo.lock": (Path(folder) / name / "Cargo.lock").read_text()}


@functools.cache
def binaries(name: str) -> Path:
    """The folder with its programs: built by plain cargo, again only after a change of its files or of the compiler."""
    place = CACHE / name
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for each in _closure((name,)):
            _sync(place / "code" / each, files(each))
        _cargo(
            "build", "--release", "--locked", "--offline", f"--target-dir={place / 'target'}", at=place / "code" / name
        )
    return place / "target" / "release"


@contextmanager
def running(folder: Path, *command: str | Path, sockets: Iterable[str]) -> Iterator["subprocess.Popen[str]"]:
    """A program with `folder` as HERO_SOCKET_DIR, once it listens on `sockets` (`hero_db/rpc`), until the block ends.

    Keep `folder` short: the path of a socket has at most 107 bytes. Its stdout is a pipe.
    """
    environ = {**os.environ, "HERO_SOCKET_DIR": str(folder)}
    wanted = [folder / f"{name}.sock" for name in sockets]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert until(lambda: all(map(listens, wanted)) or process.poll() is not None)
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            yield process
        finally:
            process.terminate()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Send a program SIGTERM: its exit code and what it wrote."""
    process.terminate()
    out, _ = process.communicate(timeout=LONG)
    return process.returncode, out


def listens(path: Path) -> bool:
    """Whether somebody accepts connections there; the file alone is there before, and after a kill."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def health(path: Path) -> Any:
    """The document that `GET /health` over a Unix socket answers with; the answer is 200."""
    status, body = get(path, "/health")
    assert status == 200
    return json.loads(body)


def get(path: Path, what: str) -> tuple[int, bytes]:
    """The status and the body of a `GET` over a Unix socket."""
    connection = http.client.HTTPConnection("localhost")
    with socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.settimeout(LONG)
        connection.sock.connect(str(path))
        connection.request("GET", what)
        with connection.getresponse() as answer:
            return answer.status, answer.read()


def _closure(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({each for name in names for each in (name, *siblings(name))}))


def _own(name: str) -> Mapping[str, str]:
    folder = WORLD / name
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    found = {str(path.relative_to(folder)): path for path in paths}
    made = ("target", "Cargo.lock")  # by a person who tried it there
    return {where: path.read_text() for where, path in found.items() if Path(where).parts[0] not in made}


def _sync(folder: Path, wanted: Mapping[str, str]) -> None:
    """Make a folder hold just these files, and touch none that is right: cargo goes by their age."""
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    for path in (path for name, path in there.items() if name not in wanted):
        path.unlink()
    git_repos.write(folder, {name: text for name, text in wanted.items() if not _same(there.get(name), text)})


def _same(path: Path | None, text: str) -> bool:
    return path is not None and path.read_text() == text


def _cargo(*words: str, at: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HERO_")}
    done = subprocess.run(["cargo", *words], cwd=at, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
