"""The local checks of `doctor`: machine, root, generations, programs."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hero_build import manifest
from hero_build.errors import HeroBuildError, RootDamaged
from hero_build.install import gc, seal
from hero_build.install.history import Unreadable, generations
from hero_build.install.layout import Root
from hero_build.install.recover import interrupted
from hero_build.tools import machine_arch
from hero_build.verify.expect import host_glibc

State = Literal["ok", "warning", "missing"]
LITTLE = 1_000_000_000  # bytes: an update of a few large apps needs about this
TOO_LITTLE = 100_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """`missing`: hero-build cannot do its work without it; `warning`: it can, and something is amiss.

    `bytes` is the amount the check is about, where it is about one.
    """

    group: str
    name: str
    state: State
    value: str
    hint: str = ""
    bytes: int | None = None


def machine() -> Iterator[Check]:
    yield Check("machine", "python", "ok", platform.python_version())
    try:
        yield Check("machine", "platform", "ok", f"linux-{machine_arch()}")
    except HeroBuildError as error:
        yield Check("machine", "platform", "missing", error.message, error.hint)
    glibc = host_glibc()
    if glibc:
        yield Check("machine", "glibc", "ok", f"{glibc[0]}.{glibc[1]}")
    else:
        yield Check("machine", "glibc", "warning", "none", "Apps that are published for gnu cannot run here.")


def place(root: Root, path: str) -> Iterator[Check]:
    """The root's folder: may it be written, is it one filesystem, is there space, and does the shell find bin/."""
    yield _writable(root)
    yield _one_filesystem(root)
    yield _space(root)
    folder = root.place("bin")
    if str(folder) in path.split(os.pathsep):
        yield Check("root", "PATH", "ok", f"contains {folder}")
    else:
        hint = f'Add this line to your shell\'s profile: export PATH="{folder}:$PATH"'
        yield Check("root", "PATH", "warning", f"does not contain {folder}", hint)


def kept_generations(root: Root) -> Iterator[Check]:
    """The generations on disk, and what is wrong with them."""
    found = generations(root)
    broken = [item.number for item in found if isinstance(item, Unreadable)]
    if broken:
        hint = "They cannot be returned to; `hero-build gc` drops old ones in time."
        yield Check("root", "history", "warning", f"unreadable: {', '.join(map(str, broken))}", hint)
    else:
        yield Check("root", "history", "ok", f"{len(found)} kept, {gc.KEEP} at most after `hero-build gc`")
    yield _current(root)
    if interrupted(root):
        hint = "The next install, rollback, uninstall or gc tidies up by itself."
        yield Check("root", "leftovers", "warning", "an interrupted command left something behind", hint)
    freed = gc.collect(root, dry_run=True)
    value = f"{len(freed.generations)} generations, {freed.bytes} bytes"
    yield Check("root", "reclaimable", "ok", value, "`hero-build gc` gives it back." if freed.bytes else "")


def programs(path: str) -> Iterator[Check]:
    """What a build from source needs or gains from; downloads do without."""
    from hero_build.source import toolchain

    env = {**toolchain.environment(), "PATH": f"{path}{os.pathsep}{toolchain.cargo_home(os.environ) / 'bin'}"}
    for name in ("git", "cargo"):
        found = shutil.which(name, path=env["PATH"])
        hint = "" if found else f"Only builds from source need {name}; downloads do not."
        yield Check("programs", name, "ok" if found else "warning", found or "not found", hint)
    wrapper = toolchain.wrapper(env)
    hint = "" if wrapper else "Where several machines or checkouts build, sccache saves most of it: docs/build-farm.md."
    yield Check("programs", "compiler cache", "ok", f"{wrapper} wraps rustc" if wrapper else "none", hint)


def webassembly(cache: Path, tree: Path | None) -> Iterator[Check]:
    """The toolchain for bundles; `tree`: the workspace whose Cargo.lock names a wasm-bindgen (None: any will do)."""
    from hero_build.source import toolchain
    from hero_build.source.wasm import tools

    wanted = tools.wanted(tree) if tree else None
    folder = tree or Path.cwd()
    for tool in tools.look(folder, wanted, tools.environment(toolchain.environment()), cache, "wasm-pack"):
        hint = f"Install it: {tool.install}." if tool.problem else ""
        amiss: State = "warning" if tool.name == "wasm-pack" else "missing"  # which its own backend alone takes
        yield Check("wasm", tool.name, amiss if tool.problem else "ok", tool.problem or tool.found, hint)


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _writable(root: Root) -> Check:
    there = _existing(root.state)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        yet = "" if root.path.is_dir() else " (not there yet: the first install makes it)"
        return Check("root", "writable", "ok", f"{root.path}{yet}")
    return Check(
        "root", "writable", "missing", f"cannot write at {there}", "Mend its permissions, or name another with --root."
    )


def _one_filesystem(root: Root) -> Check:
    folders = [root.place(name) for name in ("bin", "lib", "share")] + [root.state]
    devices = {os.stat(_existing(folder)).st_dev for folder in (root.path, *folders)}
    if len(devices) == 1:
        return Check("root", "filesystem", "ok", "one, so every move is a rename")
    hint = f"Let {root.state} be on one filesystem with {root.path}: content is moved by renames."
    return Check("root", "filesystem", "warning", f"{root.path} spans several", hint)


def _space(root: Root) -> Check:
    free = shutil.disk_usage(_existing(root.state)).free
    state: State = "ok" if free >= LITTLE else "warning" if free >= TOO_LITTLE else "missing"
    hint = "" if state == "ok" else "Free some; try `hero-build gc`."
    return Check("root", "free space", state, str(_existing(root.state)), hint, free)


def _current(root: Root) -> Check:
    try:
        generation = manifest.load(root.path)
        looked = seal.inspect(root, generation, list(generation.records))
    except RootDamaged as error:
        return Check("root", "installed", "missing", error.message, error.hint)
    damaged = sorted({part.app for part, installed in looked.items() if installed.damage})
    apps = {part.app for part in generation.records}
    if damaged:
        return Check("root", "installed", "warning", f"damaged: {', '.join(damaged)}", "`hero-build verify --repair`")
    return Check("root", "installed", "ok", f"generation {generation.number}, apps: {len(apps)}, intact by their seal")
