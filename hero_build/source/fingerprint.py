"""The fingerprint of a build: everything that determines its result. Equal fingerprints: a rebuild changes nothing.

commit         the commit that is checked out
worktree       changes to it, and files that are untracked and not ignored: paths, modes, contents
lock           Cargo.lock of each workspace
toolchain      `rustc -vV`, which includes the machine
cargo          the recipe's Cargo value and the target
recipe         the recipe's files
environment    the variables that reach compilers and build scripts (listed below)
configuration  cargo's configuration files for the tree (The Cargo Book, Configuration)
siblings       the checkouts that path dependencies lead to
"""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import asdict

from hero_build.errors import HeroBuildError
from hero_build.model.installed import Fingerprint
from hero_build.model.steps import CargoJob, Tree
from hero_build.os_errors import raise_for_machine
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.config_files import existing_config_files
from hero_build.source.git.status import status

_FORMAT_VERSION = "1"  # goes up when the cargo call changes in a way that changes programs
_COMPILERS = ("CC", "CXX", "AR", "LD", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS")
_VARIABLES = frozenset(("RUSTFLAGS", "RUSTC", "RUSTUP_TOOLCHAIN", "SOURCE_DATE_EPOCH", *_COMPILERS))
_PREFIXES = (
    *("CARGO_", "RUSTC_", "PKG_CONFIG", "OPENSSL_", "ORT_", "LIBCLANG_", "CMAKE", "PROTOC", "BINDGEN_"),
    *(f"{name}_" for name in _COMPILERS),
    *(f"{side}_{name}" for side in ("TARGET", "HOST") for name in _COMPILERS),
)
_SUFFIXES = ("_LIB_DIR", "_LIB_PATH", "_INCLUDE_DIR", "_INCLUDE_PATH", "_STATIC", "_NO_VENDOR")
_EXCLUDED_PREFIXES = (  # paths, output, network settings and secrets
    *("CARGO_TERM_", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_ALIAS_", "CARGO_PKG_", "CARGO_MANIFEST_"),
    *("CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_LOG", "CARGO_MAKEFLAGS"),
    *("CARGO_BUILD_JOBS", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_RUSTC_WRAPPER", "RUSTC_WRAPPER"),
)
_NONE = "none"


def fingerprint(
    job: CargoJob,
    recipe: Sequence[Path],
    siblings: Sequence[Tree],
    cache: Path,
    cancelled: Callable[[], bool] | None = None,
) -> Fingerprint:
    """The fingerprint of a build of `job`.

    Starts rustc for a new toolchain, and git for a tree whose `changes` are None. `recipe`: its files, with the
    modules it shares; `cache`: a folder; `cancelled`: polled while a process runs. Raises CheckoutRefused,
    MissingTool, ToolFailed, process.Cancelled.
    """
    env = toolchain.environment()
    version = toolchain.rustc_version(job.folder, env=env, cache=cache, cancelled=cancelled)
    commit, changes = _state(job.tree)
    return Fingerprint(
        (
            ("commit", commit),
            ("worktree", changes),
            ("lock", _lock_digests(job)),
            ("toolchain", f"{version.partition(chr(10))[0]} {_digest([version])[:8]}"),
            ("cargo", _digest([_FORMAT_VERSION, job.target or "", _cargo_document(job)])),
            ("recipe", _digest(_describe(path) for path in recipe)),
            ("environment", _digest(f"{name}={env[name]}" for name in sorted(env) if affects_build(name))),
            ("configuration", _digest(_config_digests(job.folders, env))),
            ("siblings", _digest(" ".join((tree.path.name, *_state(tree))) for tree in siblings)),
        )
    )


def with_written_lock(fingerprint: Fingerprint, job: CargoJob) -> Fingerprint:
    """The fingerprint after the build: a Cargo.lock that cargo itself wrote or updated does not count as a change."""
    parts = dict(fingerprint.parts)
    if not job.writable_locks and _NONE not in parts.get("lock", "").split():
        return fingerprint
    return Fingerprint(tuple({**parts, "lock": _lock_digests(job)}.items()))


def without_sources(fingerprint: Fingerprint, tree: Tree) -> Fingerprint:
    """The fingerprint but for what changed sources hold: equal ones, and cargo finds the same packages and targets.

    These follow from manifests, and from which files exist.
    """
    if tree.changes is None:
        return fingerprint
    words = [f"{name} {_describe_manifest(tree.path / name)}" for name in tree.changes]
    return Fingerprint(tuple({**dict(fingerprint.parts), "worktree": _digest(words)}.items()))


def affects_build(name: str) -> bool:
    """Whether an environment variable may change the result of a build."""
    return (name in _VARIABLES or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES)) and not name.startswith(
        _EXCLUDED_PREFIXES
    )


def _digest(words: Iterable[str]) -> str:
    """A short digest of a list of words, which may be empty."""
    text = json.dumps(list(words)).encode()
    return hashlib.sha256(text).hexdigest()[:32]


def _state(tree: Tree) -> tuple[str, str]:
    """The commit of a checkout, and a digest of its changes."""
    return _tree_state(tree.path, tree.commit, tree.changes) if tree.changes is not None else _read_state(tree.path)


def _read_state(path: Path) -> tuple[str, str]:
    current = status(path)
    return _tree_state(path, current.commit, current.changes)


def _tree_state(path: Path, commit: str | None, changes: Sequence[str]) -> tuple[str, str]:
    words = [f"{name} {_describe(path / name)}" for name in changes]
    return commit or _NONE, _digest(words) if words else _NONE


def _lock_digests(job: CargoJob) -> str:
    """Of the lock file of each workspace, in order."""
    paths = (folder / "Cargo.lock" for folder in job.folders)
    return " ".join(_digest([_describe(path)]) if path.is_file() else _NONE for path in paths)


def _cargo_document(job: CargoJob) -> str:
    """The Cargo value; a workspace that it does not name is left out, as in fingerprints from before the field."""
    values = asdict(job.cargo)
    if not job.cargo.workspace:
        del values["workspace"]
    return json.dumps(values, sort_keys=True)


def _describe(path: Path) -> str:
    """A path's mode and content, a link's target, or a nested repository's commit and changes, in one line."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return f"link {os.readlink(path)}"
        if stat.S_ISDIR(mode):
            return " ".join(("repository", *_read_state(path)))
        with path.open("rb") as file:
            return f"{mode & 0o111:o} {hashlib.file_digest(file, 'sha256').hexdigest()}"
    except (OSError, HeroBuildError) as error:
        raise_for_machine(error, path)
        return f"{type(error).__name__} {getattr(error, 'errno', '')}"


def _describe_manifest(path: Path) -> str:
    """As `_describe`; of a file that is no manifest, only that it exists."""
    return "file" if path.name != "Cargo.toml" and path.is_file() and not path.is_symlink() else _describe(path)


def _config_digests(folders: Sequence[Path], env: Mapping[str, str]) -> Iterator[str]:
    files = dict.fromkeys(path for folder in folders for path in existing_config_files(folder, env))
    return (_describe(path) for path in files)
