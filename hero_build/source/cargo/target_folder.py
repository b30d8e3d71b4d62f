"""Where cargo puts its output: one folder for all checkouts, so that what they have in common is compiled once.

cargo tells crates apart by source, version, features, profile and flags, and those of a checkout by its path, so that
checkouts can share a folder (The Cargo Book, Build cache). Each toolchain has its own. `CARGO_TARGET_DIR`, cargo's
configuration for a checkout, a `target` that is a link, and a recipe's arguments name another folder, and win. A
recipe's own build uses the checkout's, where its other programs may look.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hero_build.model.steps import CargoJob
from hero_build.os_errors import machine_errors
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.build_reads import BuildDirectories
from hero_build.source.cargo.config_files import configured_output_folders
from hero_build.source.cargo.metadata import Workspace
from hero_build.system import filelock
from hero_build.system.process import Cancelled

OPTION = "--target-dir"
FOLDER = "target"
"""In hero-build's cache; in it a folder for each toolchain, and beside that a file that a build locks."""
_LINK = "target"
_LOCK = ".lock"
_POLL = 0.05  # seconds


def shared_target(job: CargoJob, cache: Path, cancelled: Callable[[], bool] | None = None) -> Path | None:
    """The folder that the job's checkout shares with others; None: something else names the folder.

    Raises MissingTool, ToolFailed, process.Cancelled.
    """
    env = {**toolchain.environment(), **dict(job.cargo.env)}
    arguments = job.cargo.args
    if job.recipe_app or named_by_recipe(arguments) or has_config(arguments):
        return None
    if any(_has_own(folder, env) for folder in job.folders):
        return None
    version = toolchain.rustc_version(job.folder, env=env, cache=cache, cancelled=cancelled)
    return cache / FOLDER / _name(version)


def _has_own(folder: Path, env: dict[str, str]) -> bool:
    return (folder / _LINK).is_symlink() or any(True for _ in configured_output_folders(folder, env))


def _name(version: str) -> str:
    """Of a toolchain, from what `rustc -vV` prints: its release, and a digest, since nightlies share a release."""
    release = version.split()[1] if len(version.split()) > 1 else "rustc"
    safe = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in release)
    return f"{safe}-{hashlib.sha256(version.encode()).hexdigest()[:8]}"


def named_by_recipe(arguments: Sequence[str]) -> list[str]:
    """The option for a target folder among a recipe's arguments; empty: they have none."""
    for number, word in enumerate(arguments):
        if word.startswith(OPTION):
            return [word] if "=" in word else list(arguments[number : number + 2])
    return []


def has_config(arguments: Sequence[str]) -> bool:
    """Whether a recipe's arguments bring configuration of their own."""
    return any(word.startswith("--config") for word in arguments)


def build_directories(job: CargoJob, owners: Sequence[Workspace]) -> Sequence[BuildDirectories]:
    """Where cargo puts what it makes of the job in these workspaces."""
    if job.shared_target is not None:
        return [BuildDirectories(job.shared_target, job.shared_target)]
    return [BuildDirectories(item.target, item.build) for item in owners]


@contextmanager
def locked_target(target: Path | None, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Keep a shared folder from other builds until what was built is copied: programs of two checkouts may have one
    name. It waits as long as cargo itself would. Raises process.Cancelled, MachineError.
    """
    if target is None:
        yield
        return
    with machine_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock_file(target), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not filelock.attempt(descriptor):
            if cancelled():
                raise Cancelled
            time.sleep(_POLL)
        os.utime(descriptor)  # when it was last used
        yield
    finally:
        os.close(descriptor)


def lock_file(target: Path) -> Path:
    return target.with_name(f"{target.name}{_LOCK}")
