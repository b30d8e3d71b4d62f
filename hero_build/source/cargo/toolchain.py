"""The Rust toolchain of this machine and the targets it builds for: rustc, rustup, sccache, cargo-zigbuild.

rustc's answers are cached under everything that determines them (the files of rustup and of the compiler, a
rust-toolchain file, RUSTUP_TOOLCHAIN), so that an unchanged reinstall does not start it. A target other than this
machine's needs Rust's standard library for it and, for another architecture, the linker that cargo-zigbuild brings.
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
from hero_build.system.home import home

_TOOLCHAIN_FILES = ("rust-toolchain", "rust-toolchain.toml")
WRAPPERS = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER")
_RUSTUP_HINT = "Install Rust with rustup (https://rustup.rs), then open a new shell."
_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}
ZIG_HINT = (  # outside of an environment on PATH, Debian forbids pip, and cargo-zigbuild does not find its zig
    "Install it: `python3 -m venv ~/.local/zig && ~/.local/zig/bin/pip install cargo-zigbuild`, "
    'then `export PATH="$HOME/.local/zig/bin:$PATH"`.'
)


def environment() -> dict[str, str]:
    """The environment for cargo: `$CARGO_HOME/bin`, where rustup puts cargo, comes first if PATH has no cargo.

    Raises MachineError for a user without a home, where neither CARGO_HOME nor RUSTUP_HOME can be found.
    """
    env = process.environment()
    programs = str(cargo_home(env) / "bin")
    path = env.get("PATH", os.defpath)
    if shutil.which("cargo", path=path) is None and shutil.which("cargo", path=programs):
        env["PATH"] = f"{programs}{os.pathsep}{path}"
    return env


def cargo_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("CARGO_HOME") or home() / ".cargo")


def rustc_version(
    folder: Path, env: Mapping[str, str], cache: Path, cancelled: Callable[[], bool] | None = None
) -> str:
    """The output of `rustc -vV` in `folder`, from `cache` (a folder) if nothing that determines it has changed.

    `cancelled` is polled while rustc runs, since rustup may download a toolchain first. Raises MissingTool,
    ToolFailed, process.Cancelled.
    """
    return query_rustc(("-vV",), folder=folder, env=env, cache=cache, cancelled=cancelled)


def query_rustc(
    arguments: tuple[str, ...],
    folder: Path,
    env: Mapping[str, str],
    cache: Path,
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """As `rustc_version`, for other arguments whose output depends on the toolchain alone."""
    try:
        rustc = process.find(env.get("RUSTC") or "rustc", env)
    except MissingTool as error:
        raise MissingTool("this machine has no Rust compiler (rustc)", _RUSTUP_HINT) from error
    key = _query_key(arguments, rustc=rustc, folder=folder, env=env)
    return cached(
        cache / "rustc.json", key, lambda: _run_rustc((rustc, *arguments), folder=folder, env=env, cancelled=cancelled)
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
    if any(name in env for name in WRAPPERS):
        return None
    program = shutil.which("sccache", path=env.get("PATH"))
    return Path(program) if program else None


def compiler_wrapper(env: Mapping[str, str]) -> str:
    """The name of the program that wraps rustc in a build; empty: none does."""
    if (program := sccache(env)) is not None:
        return program.name
    return next((Path(env[name]).name for name in WRAPPERS if env.get(name)), "")


def toolchain_files(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """The files, existing or not, that determine the compiler's answers in `folder`, besides the compiler itself."""
    yield from _rustup_files(env)
    yield _rustup_home(env) / "toolchains"
    yield from (parent / name for parent in (folder, *folder.parents) for name in _TOOLCHAIN_FILES)


def target_triple(platform: Platform) -> str:
    """The Rust target of a platform (`x86_64-unknown-linux-musl`)."""
    return f"{_ARCH[platform.arch]}-unknown-{platform.os}-{platform.libc}"


def for_platform(job: CargoJob, platform: Platform, cache: Path) -> CargoJob:
    """The job for `platform`. Raises MissingTool, with the install command, for a missing target or linker."""
    env = environment()
    target = target_triple(platform)
    version = rustc_version(job.folder, env, cache)
    host = next((line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: ")), "")
    _require_target(target, job=job, env=env, cache=cache)
    cross = target.split("-")[0] != host.split("-")[0]
    if cross:
        _require_zigbuild(target, env)
    return replace(job, target=target, zig=cross)


def _query_key(arguments: tuple[str, ...], rustc: Path, folder: Path, env: Mapping[str, str]) -> str:
    facts = [*arguments, str(rustc), env.get("RUSTUP_TOOLCHAIN", "")]
    facts += [f"{path} {file_stamp(path)}" for path in (rustc, *_rustup_files(env))]
    for parent in (folder, *folder.parents):
        for name in _TOOLCHAIN_FILES:
            with suppress(OSError):
                facts.append(f"{parent / name} {(parent / name).read_text(errors='replace')}")
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()


def _rustup_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("RUSTUP_HOME") or home() / ".rustup")


def _rustup_files(env: Mapping[str, str]) -> Iterator[Path]:
    """rustup's settings, and the compilers of the toolchains that its proxy selects from."""
    rustup = _rustup_home(env)
    yield rustup / "settings.toml"
    with suppress(OSError):
        for toolchain in sorted((rustup / "toolchains").iterdir()):
            yield toolchain / "bin" / "rustc"


def has_target(target: str, folder: Path, env: Mapping[str, str], cache: Path) -> bool:
    """Whether the toolchain that `folder` selects has the standard library for a target. Raises as `query_rustc`."""
    arguments = ("--print", "target-libdir", f"--target={target}")
    return any(Path(query_rustc(arguments, folder=folder, env=env, cache=cache)).glob("libcore-*.rlib"))


def _require_target(target: str, job: CargoJob, env: Mapping[str, str], cache: Path) -> None:
    if not has_target(target, folder=job.folder, env=env, cache=cache):
        hint = f"Install it with `rustup target add {target}` in {job.folder}."
        raise MissingTool(f"Rust's {target} target is not on this machine", hint)


def _require_zigbuild(target: str, env: Mapping[str, str]) -> None:
    try:
        process.find("cargo-zigbuild", env)
    except MissingTool as error:
        raise MissingTool(f"a build for {target} on this machine needs cargo-zigbuild", ZIG_HINT) from error
