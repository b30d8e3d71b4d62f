"""The thirty islands of tests/archipelagos.py: to build by hero-build, and by wasm-pack one after the other."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from bench import rust
from bench.measure import Command
from bench.places import CHECKOUT
from bench.tools import Tools

APP = "lhumina_code/hero_archipelagos"
EDITED = "notes"
_NUMBER = re.compile(r"rotate_left\((\d+)\)")
_PACK = ("wasm-pack", "build", "--mode", "no-install", "--target", "web", "--release")


@dataclass(frozen=True, slots=True)
class Archipelago:
    """A directory mirror with the repository, a clone of it, the crates' names, and where the toolchain is."""

    mirror: Path
    clone: Path
    names: tuple[str, ...]
    programs: Path

    def environment(self, home: Path, **more: str | Path) -> dict[str, str]:
        """For either of the two, without a network."""
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return {**rust.toolchain(home, **more), "PATH": path}


def archipelago(
    folder: Path, names: Sequence[str] = (), grow: Callable[[Path], None] = lambda tree: None
) -> Archipelago:
    """In a folder of the benchmark's own; what the islands depend on is fetched, and compiled nowhere but by a run.

    names: of the islands (none: all thirty). grow: adds to the workspace.
    """
    sys.path.insert(0, str(CHECKOUT / "tests"))  # where the tests have them
    from support import git_repos, island_workspace, wasm_toolchain

    programs = wasm_toolchain.ready()
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"  # for archipelagos' own cargo
    tree = island_workspace.site(folder / "islands", *names).tree
    shutil.rmtree(tree / "target")
    grow(tree)
    island_workspace.cargo(tree, "fetch", "--quiet")
    files = {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}
    shown = git_repos.upstream(folder / "mirror", repo=APP, files=files, branch="development")
    return Archipelago(
        folder / "mirror", clone=shown.work, names=tuple(names) or island_workspace.NAMES, programs=programs
    )


def hero(context: Tools, found: Archipelago, folder: Path, phase: str = "islands") -> Command:
    """`hero-build islands --mode source` with its root below `folder`, in which checkout and target folder are.

    phase: `shell`, for that of the desktop.
    """
    own: dict[str, str | Path] = {
        **rust.UNWRAPPED,
        "HERO_ROOT": folder / "root",
        "HERO_BUILD_CACHE": folder / "cache",
        "FORGEJO_URL": found.mirror.as_uri(),
    }
    return Command((str(context.hero), phase, "--mode", "source"), found.environment(folder, **own), folder)


def pack(found: Archipelago, tree: Path, names: Sequence[str], folder: Path, *, below: str = "islands/") -> Command:
    """wasm-pack in each of these crates of a workspace, one after the other, with one target folder for all."""
    calls = " && ".join(f"{' '.join(_PACK)} {quote(f'{below}{name}')}" for name in names)
    return Command(("/bin/sh", "-c", calls), found.environment(folder, CARGO_TARGET_DIR=tree / "target"), tree)


def versions(found: Archipelago) -> str:
    context = ("wasm-pack", "wasm-bindgen", "wasm-opt")
    env = found.environment(found.mirror)
    said = [subprocess.run([tool, "--version"], env=env, capture_output=True, text=True).stdout for tool in context]
    return ", ".join(line.partition(" (")[0].strip().replace(" version", "") for line in said)


def clone(found: Archipelago, folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(found.clone), str(folder)], check=True)
    return folder


def checkout(folder: Path) -> Path:
    """Where `hero` has it."""
    return folder / "root" / "code0" / APP


def edit(tree: Path) -> None:
    """One source file of one island; never to what it was before."""
    path = tree / "islands" / EDITED / "src" / "lib.rs"
    path.write_text(_NUMBER.sub(lambda match: f"rotate_left({int(match[1]) + 1})", path.read_text()))


def installed(folder: Path) -> Sequence[Path]:
    """The bundles in hero-build's root."""
    return sorted((folder / "root" / "share" / "hero_os" / "islands").glob("*/*_bg.wasm"))


def packed(tree: Path) -> Sequence[Path]:
    """The bundles that wasm-pack made."""
    return sorted(tree.glob("islands/*/pkg/*_bg.wasm"))


def unpack(tree: Path) -> None:
    """Take what wasm-pack made away again."""
    for folder in tree.glob("islands/*/pkg"):
        shutil.rmtree(folder)
