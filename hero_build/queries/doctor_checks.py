"""The local checks of `doctor`: machine, root, generations, programs."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build import manifest
from hero_build.errors import HeroBuildError, RootDamaged
from hero_build.install import gc, seal
from hero_build.install.history import Unreadable, generations
from hero_build.install.layout import Root
from hero_build.install.recover import interrupted
from hero_build.platforms import machine_arch
from hero_build.verify.expect import host_glibc

State = Literal["ok", "warning", "missing"]
LITTLE = 1_000_000_000  # bytes: an update of a few large apps needs about this
TOO_LITTLE = 100_000_000


class DoctorCheck(Struct, frozen=True):
    """`missing`: hero-build cannot do its work without it; `warning`: it can, and something is amiss.

    `bytes` is the amount the check is about, where it is about one.
    """

    group: str
    name: str
    state: State
    value: str
    hint: str = ""
    bytes: int | None = None


def machine() -> Iterator[DoctorCheck]:
    yield DoctorCheck("machine", name="python", state="ok", value=platform.python_version())
    try:
        yield DoctorCheck("machine", name="platform", state="ok", value=f"linux-{machine_arch()}")
    except HeroBuildError as error:
        yield DoctorCheck("machine", name="platform", state="missing", value=error.message, hint=error.hint)
    glibc = host_glibc()
    if glibc:
        yield DoctorCheck("machine", name="glibc", state="ok", value=f"{glibc[0]}.{glibc[1]}")
    else:
        yield DoctorCheck(
            "machine",
            name="glibc",
            state="warning",
            value="none",
            hint="Apps that are published for gnu cannot run here.",
        )


def place(root: Root, path: str) -> Iterator[DoctorCheck]:
    """The root's folder: may it be written, is it one filesystem, is there space, and does the shell find bin/."""
    yield _writable(root)
    yield _one_filesystem(root)
    yield _space(root)
    folder = root.place("bin")
    if str(folder) in path.split(os.pathsep):
        yield DoctorCheck("root", name="PATH", state="ok", value=f"contains {folder}")
    else:
        hint = f'Add this line to your shell\'s profile: export PATH="{folder}:$PATH"'
        yield DoctorCheck("root", name="PATH", state="warning", value=f"does not contain {folder}", hint=hint)


def kept_generations(root: Root) -> Iterator[DoctorCheck]:
    """The generations on disk, and what is wrong with them."""
    found = generations(root)
    broken = [item.number for item in found if isinstance(item, Unreadable)]
    if broken:
        hint = "They cannot be returned to; `hero-build gc` drops old ones in time."
        yield DoctorCheck(
            "root", name="history", state="warning", value=f"unreadable: {', '.join(map(str, broken))}", hint=hint
        )
    else:
        yield DoctorCheck(
            "root", name="history", state="ok", value=f"{len(found)} kept, {gc.KEEP} at most after `hero-build gc`"
        )
    yield _current(root)
    if interrupted(root):
        hint = "The next install, rollback, uninstall or gc tidies up by itself."
        yield DoctorCheck(
            "root", name="leftovers", state="warning", value="an interrupted command left something behind", hint=hint
        )
    freed = gc.collect(root, dry_run=True)
    value = f"{len(freed.generations)} generations, {freed.bytes} bytes"
    yield DoctorCheck(
        "root",
        name="reclaimable",
        state="ok",
        value=value,
        hint="`hero-build gc` gives it back." if freed.bytes else "",
    )


def programs(path: str) -> Iterator[DoctorCheck]:
    """What a build from source needs or gains from; downloads do without."""
    from hero_build.source.cargo import toolchain

    env = {**toolchain.environment(), "PATH": f"{path}{os.pathsep}{toolchain.cargo_home(os.environ) / 'bin'}"}
    for name in ("git", "cargo"):
        found = shutil.which(name, path=env["PATH"])
        hint = "" if found else f"Only builds from source need {name}; downloads do not."
        yield DoctorCheck(
            "programs", name=name, state="ok" if found else "warning", value=found or "not found", hint=hint
        )
    wrapper = toolchain.compiler_wrapper(env)
    hint = "" if wrapper else "Where several machines or checkouts build, sccache saves most of it: docs/build-farm.md."
    yield DoctorCheck(
        "programs", name="compiler cache", state="ok", value=f"{wrapper} wraps rustc" if wrapper else "none", hint=hint
    )


def webassembly(cache: Path, tree: Path | None) -> Iterator[DoctorCheck]:
    """The toolchain for bundles; `tree`: the workspace whose Cargo.lock names a wasm-bindgen (None: any will do)."""
    from hero_build.source.cargo import toolchain
    from hero_build.source.wasm import toolchain as wasm_toolchain

    wanted = wasm_toolchain.locked_wasm_bindgen(tree) if tree else None
    folder = tree or Path.cwd()
    for tool in wasm_toolchain.detect_tools(
        folder, wanted=wanted, env=wasm_toolchain.environment(toolchain.environment()), cache=cache, backend="wasm-pack"
    ):
        hint = f"Install it: {tool.install}." if tool.problem else ""
        amiss: State = "warning" if tool.name == "wasm-pack" else "missing"  # which its own backend alone takes
        yield DoctorCheck(
            "wasm", name=tool.name, state=amiss if tool.problem else "ok", value=tool.problem or tool.found, hint=hint
        )


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _writable(root: Root) -> DoctorCheck:
    there = _existing(root.state)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        yet = "" if root.path.is_dir() else " (not there yet: the first install makes it)"
        return DoctorCheck("root", name="writable", state="ok", value=f"{root.path}{yet}")
    return DoctorCheck(
        "root",
        name="writable",
        state="missing",
        value=f"cannot write at {there}",
        hint="Mend its permissions, or name another with --root.",
    )


def _one_filesystem(root: Root) -> DoctorCheck:
    folders = [root.place(name) for name in ("bin", "lib", "share")] + [root.state]
    devices = {os.stat(_existing(folder)).st_dev for folder in (root.path, *folders)}
    if len(devices) == 1:
        return DoctorCheck("root", name="filesystem", state="ok", value="one, so every move is a rename")
    hint = f"Let {root.state} be on one filesystem with {root.path}: content is moved by renames."
    return DoctorCheck("root", name="filesystem", state="warning", value=f"{root.path} spans several", hint=hint)


def _space(root: Root) -> DoctorCheck:
    free = shutil.disk_usage(_existing(root.state)).free
    state: State = "ok" if free >= LITTLE else "warning" if free >= TOO_LITTLE else "missing"
    hint = "" if state == "ok" else "Free some; try `hero-build gc`."
    return DoctorCheck("root", name="free space", state=state, value=str(_existing(root.state)), hint=hint, bytes=free)


def _current(root: Root) -> DoctorCheck:
    try:
        generation = manifest.load(root.path)
        looked = seal.inspect(root, generation, list(generation.records))
    except RootDamaged as error:
        return DoctorCheck("root", name="installed", state="missing", value=error.message, hint=error.hint)
    damaged = sorted({part.app for part, installed in looked.items() if installed.damage})
    apps = {part.app for part in generation.records}
    if damaged:
        return DoctorCheck(
            "root",
            name="installed",
            state="warning",
            value=f"damaged: {', '.join(damaged)}",
            hint="`hero-build verify --repair`",
        )
    return DoctorCheck(
        "root",
        name="installed",
        state="ok",
        value=f"generation {generation.number}, apps: {len(apps)}, intact by their seal",
    )
