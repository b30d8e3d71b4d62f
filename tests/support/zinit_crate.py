"""zinit, which nobody here wrote: its source from the crate registry as a git repository, and its programs.

    mirror()                            # a directory mirror with geomind_code/zinit.git; shared
    with workshop() as folder: ...      # where a build by `environment()` takes seconds
    binaries() / "zinit-server"         # built already; tests/zinit_server.py runs it

What is fetched and compiled is kept in cache/zinit/. The first build takes a minute or two: a test that needs one has
the marks `marks`.
"""

import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import git_repos

VERSION = "0.3.9"
REPO = "geomind_code/zinit"
BRANCH = "development"
BINARIES = ("zinit", "zinit-server")
CACHE = Path(__file__).parents[2] / "cache" / "zinit"
FULL = '''"""zinit with all its features and programs, one of which does not compile: E0432 in zinit-pid1."""

from hero_build.recipe import Cargo, Platform, Recipe, cli, install_only, server


class Zinit(Recipe):
    repo = "geomind_code/zinit"
    binaries = (cli("zinit"), server("zinit-server"), install_only("zinit-pid1"))

    def cargo(self, platform: Platform) -> Cargo:
        return Cargo(features=("full",))
'''
"""An overlay recipe. It asks for zinit-pid1, too: cargo compiles the programs that are asked for and no others."""
marks = [
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed"),
    pytest.mark.timeout(1800),
]
"""For tests that may have to compile all of zinit, or to wait until another one has."""

_PACKAGE = f"""[package]
name = "fetch"
version = "0.0.0"
edition = "2021"

[lib]
path = "fetch.rs"

[dependencies]
zinit = "={VERSION}"

[workspace]
"""
_NOT_THEIRS = (".cargo-ok", ".cargo_vcs_info.json", ".claude", "Cargo.toml.orig")
"""What packing put beside the files of the repository."""


@functools.cache
def mirror() -> Path:
    """A directory mirror with the bare repository of zinit, its Cargo.lock committed; fetched once, then kept."""
    place = CACHE / VERSION
    with _locked(CACHE / "mirror.lock"):
        if not place.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                git_repos.upstream(
                    Path(folder) / "made" / "mirror", repo=REPO, files=_files(Path(folder)), branch=BRANCH
                )
                (Path(folder) / "made").rename(place)
    return place / "mirror"


def upstream(folder: Path) -> git_repos.Upstream:
    """The same as a repository of the test's own, `<folder>/mirror`, in which it may commit."""
    work = mirror().parent / "developers" / REPO
    return git_repos.upstream(folder / "mirror", repo=REPO, files=_texts(work), branch=BRANCH)


@functools.cache
def binaries() -> Path:
    """A folder with zinit and zinit-server, built with the default features, for tests that only run them."""
    built = CACHE / f"bin-{_key()}"
    with _workshop() as folder:
        if not built.is_dir():
            done = build(clone(folder))
            assert done.returncode == 0, done.stderr[-4000:]
            with tempfile.TemporaryDirectory(dir=CACHE) as place:
                (Path(place) / "made").mkdir()
                for name in BINARIES:
                    shutil.copy(CACHE / "target" / "release" / name, Path(place) / "made")
                (Path(place) / "made").rename(built)
    return built


@functools.cache
def full() -> Path:
    """A folder with a recipe FULL to overlay; what its features need besides is compiled: all but what cannot be."""
    built = CACHE / f"full-{_key()}"
    with _workshop() as folder:
        if not built.is_dir():
            done = build(clone(folder), "--features=full")  # without zinit-pid1
            assert done.returncode == 0, done.stderr[-4000:]
            git_repos.write(built, {"zinit.py": FULL})
    return built


@contextmanager
def workshop() -> Iterator[Path]:
    """An empty folder to clone zinit below, for one user at a time, in whatever process.

    It is the same folder every time: a clone at `<folder>/code/geomind_code/zinit` is built in seconds with
    `environment()`, since cargo's incremental compilation then holds. What was there before is gone.
    """
    binaries()  # so that its dependencies are built
    with _workshop() as folder:
        yield folder


def environment() -> dict[str, str]:
    """What to build zinit with: a target folder that has its dependencies; unoptimised, in a third of the time."""
    return {
        "CARGO_TARGET_DIR": str(CACHE / "target"),
        "CARGO_INCREMENTAL": "1",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
        "RUSTC_WRAPPER": "",  # sccache caches nothing that is incremental
    }


def clone(folder: Path) -> Path:
    """A clone below a CODEROOT `<folder>/code`, where hero-build has it, too."""
    built = folder / "code" / REPO
    built.parent.mkdir(parents=True)
    git_repos.git(built.parent, "clone", "--quiet", str(mirror() / f"{REPO}.git"))
    return built


def build(checkout: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """`cargo build` of the programs by hand."""
    flags = [f"--bin={name}" for name in BINARIES]
    command = ["cargo", "build", "--release", "--locked", "--quiet", *flags, *words]
    return subprocess.run(command, cwd=checkout, env={**os.environ, **environment()}, capture_output=True, text=True)


def _files(folder: Path) -> Mapping[str, str]:
    """The files of the crate as cargo fetches it, with the manifest that its authors wrote."""
    texts = _texts(_source(folder))
    texts = {**texts, "Cargo.toml": texts["Cargo.toml.orig"]}
    return {name: text for name, text in texts.items() if Path(name).parts[0] not in _NOT_THEIRS}


def _texts(folder: Path) -> Mapping[str, str]:
    return {name: content.decode() for name, content in git_repos.files(folder).items()}


def _source(folder: Path) -> Path:
    """Where cargo put the crate's source: it is the dependency of a package made for this."""
    git_repos.write(folder / "fetch", {"Cargo.toml": _PACKAGE, "fetch.rs": ""})
    words = ("--format-version=1", f"--filter-platform={_host()}")  # the crates of other systems stay where they are
    metadata = json.loads(_output("cargo", "metadata", *words, at=folder / "fetch"))
    (package,) = (item for item in metadata["packages"] if item["name"] == "zinit")
    return Path(package["manifest_path"]).parent


def _host() -> str:
    return next(line.split()[1] for line in _output("rustc", "-vV").splitlines() if line.startswith("host:"))


def _key() -> str:
    """Of what decides the programs: the commit and the compiler."""
    commit = git_repos.git(mirror() / f"{REPO}.git", "rev-parse", BRANCH)
    return hashlib.sha256(f"{commit} {_output('rustc', '-vV')}".encode()).hexdigest()[:16]


@contextmanager
def _workshop() -> Iterator[Path]:
    folder = CACHE / "workshop"
    with _locked(CACHE / "workshop.lock"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder


def _output(*command: str, at: Path | None = None) -> str:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
