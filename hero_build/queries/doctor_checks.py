"""The local checks of `doctor`: machine, root, generations, programs."""

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build.errors import HeroBuildError, MachineError, NotWritable, RootDamaged
from hero_build.install import gc, seal, snapshot
from hero_build.install.disk_usage import disk_usage
from hero_build.install.history import Unreadable, list_generations
from hero_build.install.layout import Root
from hero_build.install.recover import needs_recovery
from hero_build.install.root_lock import is_locked
from hero_build.model.installed import Generation
from hero_build.platforms import machine_arch
from hero_build.queries.path_advice import path_advice
from hero_build.system.plain_text import plural
from hero_build.verify.expect import host_glibc

State = Literal["ok", "warning", "missing"]
LOW = 1_000_000_000  # bytes; an update of a few large apps needs about this much
TOO_LOW = 100_000_000


class DoctorCheck(Struct, frozen=True):
    """`missing`: hero-build cannot work without it; `warning`: it can, and something needs attention.

    `bytes`: the measured amount, None for checks that measure nothing. `command`: a command line that `hint` speaks of.
    """

    group: str
    name: str
    state: State
    value: str
    hint: str = ""
    bytes: int | None = None
    command: str = ""


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
            hint="Programs that are published for glibc cannot run here.",
        )


def place(root: Root, path: str) -> Iterator[DoctorCheck]:
    """Check that the root is writable, on one file system, with free space, and that $PATH has its bin/."""
    yield _writable(root)
    yield _one_filesystem(root)
    yield _space(root)
    folder = root.place("bin")
    if (advice := path_advice(folder, {**os.environ, "PATH": path})) is None:
        yield DoctorCheck("root", name="PATH", state="ok", value=f"contains {folder}")
    else:
        yield DoctorCheck(
            "root",
            name="PATH",
            state="warning",
            value=f"does not contain {folder}",
            hint=f"Add this line to {advice.profile or 'it, once'}:",
            command=advice.line,
        )


def kept_generations(root: Root) -> Iterator[DoctorCheck]:
    """Check the generations on disk."""
    kept = list_generations(root)
    broken = [item.number for item in kept if isinstance(item, Unreadable)]
    if broken:
        hint = "They cannot be restored; `hero-build gc` deletes old ones."
        yield DoctorCheck(
            "root", name="history", state="warning", value=f"unreadable: {', '.join(map(str, broken))}", hint=hint
        )
    else:
        yield DoctorCheck(
            "root", name="history", state="ok", value=f"{len(kept)} kept, {gc.KEEP} at most after `hero-build gc`"
        )
    yield _current(root)
    if needs_recovery(root) and not is_locked(root) and needs_recovery(root):
        hint = "The next install, rollback, uninstall or gc removes it."
        yield DoctorCheck(
            "root", name="leftovers", state="warning", value="an interrupted command left something behind", hint=hint
        )
    garbage = gc.collect(root, dry_run=True)
    count = len(garbage.generations)
    value = plural(count, "generation")
    yield DoctorCheck(
        "root",
        name="reclaimable",
        state="ok",
        value=value,
        hint="`hero-build gc` frees it." if garbage.bytes else "",
        bytes=garbage.bytes,
    )


def disk(root: Root, coderoot: Path, *, checkouts: Sequence[Path], cache: Path) -> Iterator[DoctorCheck]:
    """What hero-build takes on the disk, and the command that frees it."""
    frees = {"builds": "--builds", "target": "--builds", "logs": "--builds", "cache": "--cache"}
    for use in disk_usage(root, coderoot, checkouts=checkouts, cache=cache):
        hint = f"`hero-build gc {frees[use.name]}` frees it." if use.name in frees and use.bytes >= LOW else ""
        if use.bytes:
            yield DoctorCheck("disk", name=use.name, state="ok", value=use.path, hint=hint, bytes=use.bytes)


def programs(path: str) -> Iterator[DoctorCheck]:
    """Check the programs that builds from source use; downloads need none of them."""
    from hero_build.source.cargo import toolchain

    try:
        toolchain.cargo_home(os.environ)
    except MachineError as error:
        yield DoctorCheck("programs", name="home", state="warning", value=error.message, hint=error.hint)
        return
    env = {**toolchain.environment(), "PATH": f"{path}{os.pathsep}{toolchain.cargo_home(os.environ) / 'bin'}"}
    for name in ("git", "cargo"):
        executable = shutil.which(name, path=env["PATH"])
        hint = "" if executable else f"Only builds from source need {name}; downloads do not."
        yield DoctorCheck(
            "programs", name=name, state="ok" if executable else "warning", value=executable or "not found", hint=hint
        )
    wrapper = toolchain.compiler_wrapper(env)
    hint = "" if wrapper else "sccache shares compiled crates between machines and checkouts: docs/build-farm.md."
    yield DoctorCheck(
        "programs", name="compiler cache", state="ok", value=f"{wrapper} wraps rustc" if wrapper else "none", hint=hint
    )


def webassembly(cache: Path, tree: Path | None) -> Iterator[DoctorCheck]:
    """Check the WebAssembly toolchain. `tree`: the workspace whose Cargo.lock pins wasm-bindgen; None: any version."""
    from hero_build.source.cargo import toolchain
    from hero_build.source.wasm import toolchain as wasm_toolchain

    bindgen = wasm_toolchain.locked_wasm_bindgen(tree) if tree else None
    folder = tree or Path.cwd()
    for tool in wasm_toolchain.detect_tools(
        folder,
        bindgen=bindgen,
        env=wasm_toolchain.environment(toolchain.environment()),
        cache=cache,
        backend="wasm-pack",
    ):
        hint = f"Install it: {tool.install}." if tool.problem else ""
        severity: State = "warning" if tool.name == "wasm-pack" else "missing"  # for --backend wasm-pack
        yield DoctorCheck(
            "wasm",
            name=tool.name,
            state=severity if tool.problem else "ok",
            value=tool.problem or tool.version,
            hint=hint,
        )


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _writable(root: Root) -> DoctorCheck:
    folder = _existing(root.state)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        note = "" if root.path.is_dir() else " (the first install creates it)"
        return DoctorCheck("root", name="writable", state="ok", value=f"{root.path}{note}")
    return DoctorCheck(
        "root",
        name="writable",
        state="missing",
        value=f"cannot write to {folder}",
        hint="Fix its permissions, or name another root with --root.",
    )


def _one_filesystem(root: Root) -> DoctorCheck:
    folders = [root.place(name) for name in ("bin", "lib", "share")] + [root.state]
    devices = {os.stat(_existing(folder)).st_dev for folder in (root.path, *folders)}
    if len(devices) == 1:
        return DoctorCheck("root", name="filesystem", state="ok", value="one, so files move by rename")
    hint = f"Put {root.state} on the file system of {root.path}: hero-build moves files by rename."
    return DoctorCheck("root", name="filesystem", state="warning", value=f"{root.path} spans several", hint=hint)


def _space(root: Root) -> DoctorCheck:
    free = shutil.disk_usage(_existing(root.state)).free
    state: State = "ok" if free >= LOW else "warning" if free >= TOO_LOW else "missing"
    hint = "" if state == "ok" else "Free some space, for example with `hero-build gc`."
    return DoctorCheck("root", name="free space", state=state, value=str(_existing(root.state)), hint=hint, bytes=free)


def _current(root: Root) -> DoctorCheck:
    try:
        return snapshot.examine(root, lambda it: _intact(root, it), lambda check: check.state != "ok")
    except (RootDamaged, NotWritable) as error:
        return DoctorCheck("root", name="installed", state="missing", value=error.message, hint=error.hint)


def _intact(root: Root, generation: Generation) -> DoctorCheck:
    parts = seal.inspect(root, generation, list(generation.records))
    damaged = sorted({part.app for part, installed in parts.items() if installed.damage})
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
        value=f"generation {generation.number}, {plural(len(apps), 'app')}, intact by their seal",
    )
