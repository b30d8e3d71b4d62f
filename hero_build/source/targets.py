"""Building for a named platform: which Rust target it is, and whether this machine can build for it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hero_build import process
from hero_build.artifact import Platform
from hero_build.errors import MissingTool
from hero_build.model import Job
from hero_build.source import toolchain

_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}
_ZIG = "Install it: `pip install cargo-zigbuild ziglang` (and have cargo find it on PATH)."


def triple(platform: Platform) -> str:
    """The Rust target of a platform (`x86_64-unknown-linux-musl`)."""
    return f"{_ARCH[platform.arch]}-unknown-{platform.os}-{platform.libc}"


def aimed(job: Job, platform: Platform, cache: Path) -> Job:
    """The job for `platform`. Raises MissingTool, with the command, for a target or a linker that is not there."""
    env = toolchain.environment()
    wanted = triple(platform)
    told = toolchain.version(job.tree.path, env, cache)
    host = next((line.removeprefix("host: ") for line in told.splitlines() if line.startswith("host: ")), "")
    _must_have(wanted, job, env, cache)
    across = wanted.split("-")[0] != host.split("-")[0]
    if across:
        _must_have_zig(wanted, env)
    return replace(job, target=wanted, zig=across)


def _must_have(target: str, job: Job, env: Mapping[str, str], cache: Path) -> None:
    """The standard library for a target, in the toolchain that the tree chooses."""
    folder = toolchain.ask(("--print", "target-libdir", f"--target={target}"), job.tree.path, env, cache)
    if not any(Path(folder).glob("libcore-*.rlib")):
        hint = f"Install it with `rustup target add {target}` in {job.tree.path}."
        raise MissingTool(f"Rust's {target} target is not on this machine", hint)


def _must_have_zig(target: str, env: Mapping[str, str]) -> None:
    try:
        process.find("cargo-zigbuild", env)
    except MissingTool as error:
        raise MissingTool(f"a build for {target} on this machine needs cargo-zigbuild", _ZIG) from error
