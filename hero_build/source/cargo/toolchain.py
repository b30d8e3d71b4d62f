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

from msgspec.structs import replace

from hero_build.errors import MissingTool, ToolFailed
from hero_build.model.artifacts import Platform
from hero_build.model.steps import CargoJob
from hero_build.system import process
from hero_build.system.file_cache import cached, file_stamp

_TOOLCHAIN_FILES = ("rust-toolchain", "rust-toolchain.toml")
_WRAPPERS = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER")
_RUSTUP_HINT = "Install Rust with rustup (https://rustup.rs), then open a new shell."


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


def rustc_version(
    folder: Path, env: Mapping[str, str], cache: Path, cancelled: Callable[[], bool] | None = None
) -> str:
    """What `rustc -vV` says in `folder`, from `cache` (a folder) if nothing it rests on has changed.

    `cancelled` is asked while it runs, since rustup may fetch a toolchain first. Raises MissingTool, ToolFailed,
    process.Cancelled.
    """
    return query_rustc(("-vV",), folder=folder, env=env, cache=cache, cancelled=cancelled)


def query_rustc(
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
        raise MissingTool("there is no Rust compiler on this machine", _RUSTUP_HINT) from error
    stamp = _query_key(question, rustc=rustc, folder=folder, env=env)
    return cached(
        cache / "rustc.json", stamp, lambda: _run_rustc((rustc, *question), folder=folder, env=env, cancelled=cancelled)
    )


def _run_rustc(
    command: tuple[str | Path, ...], folder: Path, env: Mapping[str, str], cancelled: Callable[[], bool] | None
) -> str:
    try:
        return process.capture(command, cwd=folder, env=env, cancelled=cancelled)
    except ToolFailed as error:
        from hero_build.source.cargo.errors import machine_error

        raise (machine_error(error.tail) or error) from error


def sccache(env: Mapping[str, str]) -> Path | None:
    """The compiler cache to wrap rustc with: sccache where it is on PATH and no wrapper is set.

    `RUSTC_WRAPPER=""` means none, as it does for cargo.
    """
    if any(name in env for name in _WRAPPERS):
        return None
    found = shutil.which("sccache", path=env.get("PATH"))
    return Path(found) if found else None


def compiler_wrapper(env: Mapping[str, str]) -> str:
    """The name of what will wrap the compiler; empty: nothing will."""
    if (ours := sccache(env)) is not None:
        return ours.name
    return next((Path(env[name]).name for name in _WRAPPERS if env.get(name)), "")


def _query_key(question: tuple[str, ...], rustc: Path, folder: Path, env: Mapping[str, str]) -> str:
    facts = [*question, str(rustc), env.get("RUSTUP_TOOLCHAIN", "")]
    facts += [f"{path} {file_stamp(path)}" for path in _compiler_files(rustc, env)]
    for parent in (folder, *folder.parents):
        for name in _TOOLCHAIN_FILES:
            with suppress(OSError):
                facts.append(f"{parent / name} {(parent / name).read_text(errors='replace')}")
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()


def toolchain_files(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """All that decides the compiler's answers in `folder`, there or not, but for the compiler and the environment."""
    yield from _rustup_files(env)
    yield _rustup_home(env) / "toolchains"
    yield from (parent / name for parent in (folder, *folder.parents) for name in _TOOLCHAIN_FILES)


def _compiler_files(rustc: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """The compiler, and, where that is rustup's stand-in, the toolchains it chooses from and its settings."""
    yield rustc
    yield from _rustup_files(env)


def _rustup_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("RUSTUP_HOME") or Path.home() / ".rustup")


def _rustup_files(env: Mapping[str, str]) -> Iterator[Path]:
    rustup = _rustup_home(env)
    yield rustup / "settings.toml"
    with suppress(OSError):
        for toolchain in sorted((rustup / "toolchains").iterdir()):
            yield toolchain / "bin" / "rustc"


_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}
_ZIG_HINT = "Install it: `pip install cargo-zigbuild ziglang` (and have cargo find it on PATH)."


def target_triple(platform: Platform) -> str:
    """The Rust target of a platform (`x86_64-unknown-linux-musl`)."""
    return f"{_ARCH[platform.arch]}-unknown-{platform.os}-{platform.libc}"


def for_platform(job: CargoJob, platform: Platform, cache: Path) -> CargoJob:
    """The job for `platform`. Raises MissingTool, with the command, for a target or a linker that is not there."""
    env = environment()
    wanted = target_triple(platform)
    told = rustc_version(job.tree.path, env, cache)
    host = next((line.removeprefix("host: ") for line in told.splitlines() if line.startswith("host: ")), "")
    _require_target(wanted, job=job, env=env, cache=cache)
    across = wanted.split("-")[0] != host.split("-")[0]
    if across:
        _require_zigbuild(wanted, env)
    return replace(job, target=wanted, zig=across)


def _require_target(target: str, job: CargoJob, env: Mapping[str, str], cache: Path) -> None:
    """The standard library for a target, in the toolchain that the tree chooses."""
    folder = query_rustc(("--print", "target-libdir", f"--target={target}"), folder=job.tree.path, env=env, cache=cache)
    if not any(Path(folder).glob("libcore-*.rlib")):
        hint = f"Install it with `rustup target add {target}` in {job.tree.path}."
        raise MissingTool(f"Rust's {target} target is not on this machine", hint)


def _require_zigbuild(target: str, env: Mapping[str, str]) -> None:
    try:
        process.find("cargo-zigbuild", env)
    except MissingTool as error:
        raise MissingTool(f"a build for {target} on this machine needs cargo-zigbuild", _ZIG_HINT) from error
