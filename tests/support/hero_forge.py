"""The real server with what a person finds on the forge of Hero OS: the apps' repositories with releases, and this one.

The programs are those of tests/world/, compiled as static programs, which fit every name.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from support import git_repos, rust_world
from support.forge_server import ForgeServer
from support.processes import until
from support.roots import platform
from support.worlds import REPO

OWNER = rust_world.OWNER
CACHE = REPO / "cache" / "static-world"
RELEASES: Mapping[str, Sequence[str]] = {"hero_db": ("v0.3.1", "v0.3.2"), "hero_proc": ("v0.2.0",)}


def fill(server: ForgeServer, folder: Path, releases: Mapping[str, Sequence[str]] = RELEASES) -> None:
    """Create the organisation with these apps' repositories, their releases, and hero_build; once for a server, which
    other processes of the test run share.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{server.url.rpartition(':')[2]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all(known["username"] != OWNER for known in server.api("GET", "/orgs?limit=50")):
            server.api("POST", "/orgs", {"username": OWNER})
            _fill(server, folder, releases)


def _fill(server: ForgeServer, folder: Path, releases: Mapping[str, Sequence[str]]) -> None:
    for app, tags in releases.items():
        work = git_repos.repository(folder / app, rust_world.files(app), "development")
        for tag in tags:
            git_repos.git(work, "tag", tag)
        push(server, work)
        for tag in tags:
            files = {f"{path.name}-{platform()}": path.read_bytes() for path in programs(app, tag)}
            service = {"service.toml": (rust_world.WORLD / app / "service.toml").read_bytes()}
            server.release(f"{OWNER}/{app}", tag, {**files, **service, "SHA256SUMS": _sums({**files, **service})})
    push(server, _this_repository(folder / "hero_build"))


def push(server: ForgeServer, work: Path) -> None:
    """Create the repository of the organisation that is named as the folder, and push its branch and tags."""
    name = work.name
    body = {"name": name, "default_branch": git_repos.git(work, "branch", "--show-current")}
    server.api("POST", f"/orgs/{OWNER}/repos", body)
    git_repos.git(work, "push", "--quiet", f"{with_token(server)}/{OWNER}/{name}.git", "HEAD", "--tags")
    assert until(lambda: not server.api("GET", f"/repos/{OWNER}/{name}")["empty"])  # it notices a moment later


def with_token(server: ForgeServer) -> str:
    return server.url.replace("http://", f"http://{server.user}:{server.token}@")


def programs(app: str, version: str) -> Sequence[Path]:
    """The programs of an app, which print that version; compiled once."""
    source, target = CACHE / app, CACHE / f"{app}-{version}"
    git_repos.write(source, rust_world.files(app))
    environ = {**os.environ, "HERO_DEMO_VERSION": version, "RUSTFLAGS": "-C target-feature=+crt-static"}
    command = ["cargo", "build", "--release", "--locked", "--offline", f"--target-dir={target}"]
    done = subprocess.run(command, cwd=source, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return sorted(path for path in (target / "release").iterdir() if path.is_file() and os.access(path, os.X_OK))


def gnu_recipes() -> Path:
    """A folder with hero_db's recipe for the C library of this machine, since there is no Rust target for musl here."""
    return rust_world.WORLD / "recipes"


def _this_repository(folder: Path) -> Path:
    """The files of this checkout that git does not ignore, as a repository with one commit."""
    listed = git_repos.git(REPO, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in (name for name in listed if (REPO / name).is_file()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPO / name, folder / name)
    git_repos.git(folder, "init", "--quiet", "--initial-branch=main")
    git_repos.commit(folder, {})
    return folder


def _sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()
