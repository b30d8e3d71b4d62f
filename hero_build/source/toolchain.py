"""The Rust toolchain of this machine: where it is, what it calls itself, and the compiler cache beside it.

`rustc` is asked once for each state of what decides its answer (the files of rustup and of the compiler, a
rust-toolchain file, RUSTUP_TOOLCHAIN), so that an unchanged reinstall starts no process for it.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from hero_build import process
from hero_build.errors import MissingTool, ToolFailed
from hero_build.source.memory import mark, remembered

_FILES = ("rust-toolchain", "rust-toolchain.toml")
_WRAPPERS = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER")
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


def version(folder: Path, env: Mapping[str, str], cache: Path, cancelled: Callable[[], bool] | None = None) -> str:
    """What `rustc -vV` says in `folder`, from `cache` (a folder) if nothing it rests on has changed.

    `cancelled` is asked while it runs, since rustup may fetch a toolchain first. Raises MissingTool, ToolFailed,
    process.Cancelled.
    """
    return ask(("-vV",), folder, env, cache, cancelled)


def ask(
    question: tuple[str, ...],
    folder: Path,
    env: Mapping[str, str],
    cache: Path,
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """The same for another question to rustc whose answer rests on nothing else. Raises MissingTool, ToolFailed."""
    try:
        rustc = process.find(env.get("RUSTC") or "rustc", env)
    except MissingTool as error:
        raise MissingTool("there is no Rust compiler on this machine", _INSTALL) from error
    stamp = _stamp(question, rustc, folder, env)
    return remembered(cache / "rustc.json", stamp, lambda: _ask((rustc, *question), folder, env, cancelled))


def _ask(
    command: tuple[str | Path, ...], folder: Path, env: Mapping[str, str], cancelled: Callable[[], bool] | None
) -> str:
    try:
        return process.capture(command, cwd=folder, env=env, cancelled=cancelled)
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


def _stamp(question: tuple[str, ...], rustc: Path, folder: Path, env: Mapping[str, str]) -> str:
    facts = [*question, str(rustc), env.get("RUSTUP_TOOLCHAIN", "")]
    facts += [f"{path} {mark(path)}" for path in _deciding(rustc, env)]
    for parent in (folder, *folder.parents):
        for name in _FILES:
            with suppress(OSError):
                facts.append(f"{parent / name} {(parent / name).read_text(errors='replace')}")
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()


def deciding(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """All that decides the compiler's answers in `folder`, there or not, but for the compiler and the environment."""
    yield from _rustup(env)
    yield _rustup_home(env) / "toolchains"
    yield from (parent / name for parent in (folder, *folder.parents) for name in _FILES)


def _deciding(rustc: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """The compiler, and, where that is rustup's stand-in, the toolchains it chooses from and its settings."""
    yield rustc
    yield from _rustup(env)


def _rustup_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("RUSTUP_HOME") or Path.home() / ".rustup")


def _rustup(env: Mapping[str, str]) -> Iterator[Path]:
    rustup = _rustup_home(env)
    yield rustup / "settings.toml"
    with suppress(OSError):
        for toolchain in sorted((rustup / "toolchains").iterdir()):
            yield toolchain / "bin" / "rustc"
