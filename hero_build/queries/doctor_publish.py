"""The checks of `doctor --publish`: the Rust targets and tools that releases are built with, the token and the key."""

import importlib.util
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from hero_build.errors import HeroBuildError
from hero_build.model.artifacts import Libc, Platform
from hero_build.platforms import ARCHES, machine_arch
from hero_build.publish.signing import NO_MINISIGN
from hero_build.queries.doctor_checks import DoctorCheck
from hero_build.settings import Settings
from hero_build.source.cargo import toolchain

_GROUP = "publish"
_LIBC: Libc = "musl"  # of most releases
_MUSL_GCC = "Crates with C code need it: `apt install musl-tools` (Debian, Ubuntu), `dnf install musl-gcc` (Fedora)."


def publishing(settings: Settings, path: str, folder: Path) -> Iterator[DoctorCheck]:
    """`path`: $PATH of the shell; `folder`: where builds take place, whose toolchain file counts."""
    try:
        env = {**toolchain.environment(), "PATH": f"{path}{os.pathsep}{toolchain.cargo_home(os.environ) / 'bin'}"}
    except HeroBuildError as error:
        yield DoctorCheck(_GROUP, name="rust", state="missing", value=error.message, hint=error.hint)
        return
    for arch in sorted(ARCHES, key=lambda arch: arch != machine_arch()):
        yield _target(Platform(arch, _LIBC), env=env, folder=folder, cache=settings.cache)
    yield _program("musl-gcc", env, _MUSL_GCC)
    yield _program("cargo-zigbuild", env, f"For builds for another architecture. {toolchain.ZIG_HINT}")
    yield _token(settings)
    yield _key(os.environ)


def _target(platform: Platform, env: Mapping[str, str], folder: Path, cache: Path) -> DoctorCheck:
    """A missing target of this machine's own architecture is an error, since recipes publish for musl."""
    name, target = str(platform), toolchain.target_triple(platform)
    try:
        if toolchain.has_target(target, folder=folder, env=env, cache=cache):
            return DoctorCheck(_GROUP, name=name, state="ok", value=f"Rust's {target} target")
    except HeroBuildError as error:
        return DoctorCheck(_GROUP, name=name, state="missing", value=error.message, hint=error.hint)
    own = platform.arch == machine_arch()
    hint = f"`rustup target add {target}`" + ("" if own else f", for --platform {platform}")
    value = f"Rust's {target} target is not installed"
    return DoctorCheck(_GROUP, name=name, state="missing" if own else "warning", value=value, hint=hint)


def _program(name: str, env: Mapping[str, str], hint: str) -> DoctorCheck:
    executable = shutil.which(name, path=env["PATH"])
    if executable:
        return DoctorCheck(_GROUP, name=name, state="ok", value=executable)
    return DoctorCheck(_GROUP, name=name, state="warning", value="not found", hint=hint)


def _token(settings: Settings) -> DoctorCheck:
    if settings.token is not None:
        return DoctorCheck(_GROUP, name="FORGEJO_TOKEN", state="ok", value="set")
    if settings.forge.startswith("file:"):
        return DoctorCheck(_GROUP, name="FORGEJO_TOKEN", state="ok", value="not set; a mirror needs none")
    hint = "Set it to a token with write:repository (for packages write:package)."
    return DoctorCheck(_GROUP, name="FORGEJO_TOKEN", state="warning", value="not set", hint=hint)


def _key(environ: Mapping[str, str]) -> DoctorCheck:
    if not (environ.get("HERO_MINISIGN_KEY") or environ.get("HERO_MINISIGN_KEY_FILE")):
        return DoctorCheck(_GROUP, name="signatures", state="ok", value="no key is set: SHA256SUMS is not signed")
    if importlib.util.find_spec("minisign") is None:
        sentence, hint = NO_MINISIGN
        return DoctorCheck(_GROUP, name="signatures", state="missing", value=sentence, hint=hint)
    return DoctorCheck(_GROUP, name="signatures", state="ok", value="a key is set")
