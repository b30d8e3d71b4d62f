"""The Rust toolchain of this machine: where it is, what it calls itself, and the compiler cache beside it.

`rustc -vV` is asked once for each state of what decides its answer (the files of rustup and of the compiler, a
rust-toolchain file, RUSTUP_TOOLCHAIN), so that an unchanged reinstall starts no process for it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from hero_build import process
from hero_build.errors import MissingTool, ToolFailed

_FILES = ("rust-toolchain", "rust-toolchain.toml")
_WRAPPERS = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER")
_MEMORY = 50  # answers that are remembered
_INSTALL = "Install Rust with rustup (https://rustup.rs), then open a new shell."


def environment() -> dict[str, str]:
    """The environment for cargo: PATH with `$CARGO_HOME/bin`, where rustup puts cargo, if it is not on it yet."""
    env = process.environment()
    home = str(cargo_home(env) / "bin")
    path = env.get("PATH", os.defpath)
    if shutil.which("cargo", path=path) is None and shutil.which("cargo", path=home):
        env["PATH"] = f"{home}{os.pathsep}{path}"
    return env


def cargo_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("CARGO_HOME") or Path.home() / ".cargo")


def version(folder: Path, env: Mapping[str, str], cache: Path) -> str:
    """What `rustc -vV` says in `folder`, from `cache` (a folder) if nothing it rests on has changed.

    Raises MissingTool, ToolFailed.
    """
    try:
        rustc = process.find(env.get("RUSTC") or "rustc", env)
    except MissingTool as error:
        raise MissingTool("there is no Rust compiler on this machine", _INSTALL) from error
    stamp = _stamp(rustc, folder, env)
    known = _recall(cache)
    if stamp not in known:
        known = {**known, stamp: _ask(rustc, folder, env)}
        _remember(cache, known)
    return known[stamp]


def _ask(rustc: Path, folder: Path, env: Mapping[str, str]) -> str:
    try:
        return process.capture((rustc, "-vV"), cwd=folder, env=env)
    except ToolFailed as error:
        from hero_build.source.complaints import of_the_machine

        raise (of_the_machine(error.tail) or error) from error


def sccache(env: Mapping[str, str]) -> Path | None:
    """The compiler cache to wrap rustc with: sccache where it is on PATH and no wrapper is set.

    `RUSTC_WRAPPER=""` means none, as it does for cargo.
    """
    if any(name in env for name in _WRAPPERS):
        return None
    found = shutil.which("sccache", path=env.get("PATH"))
    return Path(found) if found else None


def wrapper(env: Mapping[str, str]) -> str:
    """The name of what will wrap the compiler; empty: nothing will."""
    if (ours := sccache(env)) is not None:
        return ours.name
    return next((Path(env[name]).name for name in _WRAPPERS if env.get(name)), "")


def _stamp(rustc: Path, folder: Path, env: Mapping[str, str]) -> str:
    facts = [str(rustc), env.get("RUSTUP_TOOLCHAIN", "")]
    facts += [f"{path} {_mark(path)}" for path in _deciding(rustc, env)]
    for parent in (folder, *folder.parents):
        for name in _FILES:
            with suppress(OSError):
                facts.append(f"{parent / name} {(parent / name).read_text(errors='replace')}")
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()


def _deciding(rustc: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """The compiler, and, where that is rustup's stand-in, the toolchains it chooses from and its settings."""
    yield rustc
    rustup = Path(env.get("RUSTUP_HOME") or Path.home() / ".rustup")
    yield rustup / "settings.toml"
    with suppress(OSError):
        for toolchain in sorted((rustup / "toolchains").iterdir()):
            yield toolchain / "bin" / "rustc"


def _mark(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "absent"
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _recall(cache: Path) -> dict[str, str]:
    try:
        known = json.loads((cache / "rustc.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(cache: Path, known: Mapping[str, str]) -> None:
    """Best effort: a cache that cannot be written costs a process, no more."""
    import tempfile

    newest = dict(list(known.items())[-_MEMORY:])
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix="rustc-", dir=cache)
        with os.fdopen(descriptor, "w") as file:
            json.dump(newest, file)
        os.replace(made, cache / "rustc.json")
