"""The inputs of the decision to keep an earlier build, as paths.

These are the files that `status` and `fingerprint` read in and around checkouts, and those they would read if they
existed.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.recipe import Recipe
from hero_build.settings import Settings
from hero_build.source import recorded_build
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.config_files import cargo_config_files
from hero_build.source.git import paths as git_paths
from hero_build.source.git import status
from hero_build.system import process
from hero_build.system.home import expand, home

_REPOSITORY_FILES = (
    *("HEAD", "index", "config", "packed-refs", "info/exclude", "info/attributes", "info/sparse-checkout"),
    *("refs/replace", "info/grafts", "shallow", "objects", "commondir", "config.worktree", "reftable"),
)
_INDIRECT = re.compile(r"\[include|\[extensions|\bworktree\s*=", re.IGNORECASE)
_FILE_SETTING = re.compile(r"(?:excludes|attributes)file\s*=(.*)", re.IGNORECASE)
_PLAIN_PATH = re.compile(r"~?/[\w./@+-]+")
IGNORED_VARIABLES = frozenset(("_", "SHLVL", "OLDPWD", "COLUMNS", "LINES"))
"""Variables that a child inherits, and in which two commands with the same receipt may differ (ops/noop_cache.py)."""
_CONFIG_VARIABLES = ("GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG")


class UnknownInputs(Exception):
    """The files that git would read cannot be determined without running git."""


class BuildInputs(Struct, frozen=True):
    """Checkouts, cargo's output folders in them (which git skips), and files around them, existing or not."""

    trees: frozenset[str]
    outputs: frozenset[str]
    files: frozenset[str]


def build_inputs(recipes: Iterable[Recipe], settings: Settings) -> BuildInputs:
    """The inputs of builds by these recipes. Raises UnknownInputs, OSError, UnsafeName."""
    env = toolchain.environment()
    trees: set[Path] = set()
    files: set[Path] = {*_program_files(env), *_git_config_files(env)}
    for recipe in recipes:
        main = git_paths.checkout(settings.coderoot, recipe.repo, settings.forge)
        files.add(settings.coderoot / recipe.repo)  # takes precedence over a checkout right below coderoot
        trees |= {main.path, *(git_paths.sibling(main, repo, settings.forge).path for repo in recipe.siblings)}
    for tree in trees:
        files |= {tree, *_repository_files(tree), *(path / status.CACHE_TAG for path in status.target_folders(tree))}
        files |= {*toolchain.toolchain_files(tree, env), *cargo_config_files(tree, env)}
        files |= {mark for path in status.target_folders(tree) for mark in status.output_marks(path)}
        files |= _recorded_files(tree, settings.cache)
    outputs = {path for tree in trees for path in status.target_folders(tree) if (path / status.CACHE_TAG).is_file()}
    return BuildInputs(_absolute(trees), _absolute(outputs), _absolute(files))


def _recorded_files(tree: Path, cache: Path) -> set[Path]:
    """What earlier builds of a checkout read elsewhere. Raises UnknownInputs for what no receipt can follow."""
    try:
        recorded = recorded_build.recorded_inputs(tree, cache)
    except recorded_build.UnknownReads as error:
        raise UnknownInputs from error
    if recorded.variables & IGNORED_VARIABLES:
        raise UnknownInputs
    return {Path(name) for name in recorded.paths}


def _absolute(paths: Iterable[Path]) -> frozenset[str]:
    return frozenset(os.path.abspath(path) for path in paths)


def _program_files(env: Mapping[str, str]) -> Iterator[Path]:
    """git, cargo and rustc, and every path where a program of the name would take precedence on PATH."""
    yield from _path_candidates("cargo", process.environment().get("PATH", os.defpath))  # see toolchain.environment
    for name in ("git", "cargo", env.get("RUSTC") or "rustc"):
        yield from _path_candidates(name, env.get("PATH", os.defpath))


def _path_candidates(program: str, path: str) -> Iterator[Path]:
    for folder in path.split(os.pathsep):
        yield Path(folder, program)
        if shutil.which(program, path=folder or os.curdir):
            return


def _git_config_files(env: Mapping[str, str]) -> Iterator[Path]:
    """The user's and the machine's configuration (git-config(1), FILES). Raises UnknownInputs."""
    if any(name in env for name in _CONFIG_VARIABLES):
        raise UnknownInputs
    config = Path(env.get("XDG_CONFIG_HOME") or home() / ".config") / "git"
    prefix = process.find("git", env).resolve().parent.parent  # git reads <prefix>/etc where it was built so
    system: list[str | Path] = ["/etc/gitconfig", prefix / "etc/gitconfig"]
    user: list[str | Path] = [home() / ".gitconfig", config / "config"]
    if "GIT_CONFIG_SYSTEM" in env:
        system = [env["GIT_CONFIG_SYSTEM"]]
    if "GIT_CONFIG_GLOBAL" in env:
        user = [env["GIT_CONFIG_GLOBAL"]]
    for name in (*system, *user):
        yield from _config_files(Path(name))
    yield from (config / "ignore", config / "attributes", Path("/etc/gitattributes"), prefix / "etc/gitattributes")


def _repository_files(tree: Path) -> Iterator[Path]:
    """git's own files in a checkout. Raises UnknownInputs where the checkout has submodules or a linked work tree."""
    folder = tree / ".git"
    if folder.is_symlink() or not folder.is_dir() or (tree / ".gitmodules").exists():
        raise UnknownInputs
    yield from (folder / name for name in _REPOSITORY_FILES)
    yield from _config_files(folder / "config")
    if (head := (folder / "HEAD").read_text()).startswith("ref: "):
        ref = folder / head.removeprefix("ref: ").strip()
        yield ref
        if ref.is_file() and ref.read_text().startswith("ref:"):
            raise UnknownInputs


def _config_files(path: Path) -> Iterator[Path]:
    """A git configuration file and the files that it names. Raises UnknownInputs where it includes others."""
    yield path
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if _INDIRECT.search(text):
        raise UnknownInputs
    for setting in _FILE_SETTING.finditer(text):
        name = setting[1].strip()
        if not _PLAIN_PATH.fullmatch(name):
            raise UnknownInputs
        yield Path(expand(name))
