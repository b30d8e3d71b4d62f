"""Kinds of work: which one a line of hero-build is, and which one a program that it has started."""

import linecache
import re
from collections.abc import Mapping
from functools import cache

INTERPRETER, IMPORTS, OTHER, WAITING = "interpreter", "imports", "command line and answer", "waiting"
PROGRESS, THREADS = "progress lines", "starting threads"
NETWORK, HASH, WRITE, SYNC, COMMIT = "network", "hash", "write", "sync", "commit"
PLANNING, CHECKS, UNPACKING, SERVICES, SERVER = "planning", "checks", "unpacking", "services and supervisor", "server"
CLIENT = "client and connection"
SCRIPT, LAYOUT, BROWSER = "script", "layout and styles", "browser"
CARGO, SCCACHE, GIT = "cargo", "sccache", "git"
RUSTC, LINKER, SCRIPTS, PROGRAMS = "rustc", "linker", "build scripts", "other programs"
COMPILERS = (RUSTC, LINKER, SCRIPTS, "wasm-opt", "wasm-bindgen")
"""What compiles, started by any program."""
KINDS = (
    *(
        INTERPRETER,
        IMPORTS,
        OTHER,
        PROGRESS,
        THREADS,
        PLANNING,
        UNPACKING,
        NETWORK,
        HASH,
        WRITE,
        SYNC,
        CHECKS,
        COMMIT,
        SERVICES,
        SERVER,
    ),
    *(CLIENT, SCRIPT, LAYOUT, BROWSER, "nginx", "kernel", "ansible-playbook", "ssh"),
    *(GIT, CARGO, SCCACHE, *COMPILERS, PROGRAMS),
)
"""In the order of the bars; other programs and what waits come after these."""
_IDLE = ("threading.py", "queue.py", "selectors.py", "subprocess.py", "concurrent/futures/", "asyncio/")
_LOCKED = ("with self._lock", ".acquire(")
"""Where a thread waits for another one."""
_LINES = (
    (HASH, ("sha256.update(", "digest.update(", "file_digest(", "hasher.update(")),
    (SYNC, ("fsync(", "syncfs(", "os.sync(", "sync_file_range(")),
    (WRITE, ("os.write(", "pwrite(", "posix_fadvise(", "copy_file_range(", "copyfile", "write_bytes(", ".writev(")),
)
_FILES = (
    (IMPORTS, ("<frozen importlib",)),
    (UNPACKING, (".pyz/", "zipfile.py", "hero_build/system/packed_rest.py")),
    (NETWORK, ("forge/deadline_socket.py", "forge/http_", "socket.py", "ssl.py")),
    (HASH, ("hashlib.py",)),
    (COMMIT, ("hero_build/install/", "hero_build/services/journal")),
    (CHECKS, ("hero_build/verify/",)),
    (SERVICES, ("hero_build/services/", "hero_build/supervisors/")),
    (PROGRESS, tuple(f"hero_build/output/{name}" for name in ("reporter.py", "plain.py", "live.py", "spinner.py"))),
    (SERVER, ("hero_build/server/", "/uvicorn/", "/starlette/")),
    (PLANNING, ("hero_build/pipeline/", "hero_build/forge/", "hero_build/catalog/", "hero_build/source/", "recipes/")),
    (OTHER, ("hero_build/cli/", "hero_build/output/", "hero_build/ops/", "hero_build/queries/", "hero_build/publish/")),
)
_NAMES: Mapping[str, str] = {"rustup": CARGO, "sampler.py": OTHER, "hero-build": OTHER, "": PROGRAMS}
_PATTERNS = (
    (LINKER, re.compile(r"(.*-)?(gcc|cc|c\+\+|g\+\+|ld|lld|collect2)(\.\w+)?(-[\d.]+)?")),
    (SCRIPTS, re.compile(r"build[-_]script[-_].*|cc1|as")),
    (GIT, re.compile(r"git-.*")),
)
Frame = tuple[str, str, int]


@cache
def kind_of(stack: tuple[Frame, ...]) -> str:
    """The kind of work of the innermost frame that has one."""
    if stack and any(mark in linecache.getline(stack[0][0], stack[0][2]) for mark in _LOCKED):
        return WAITING
    for file, _, line in stack:
        text = linecache.getline(file, line)
        for kind, marks in _LINES:
            if any(mark in text for mark in marks):
                return kind
        if any(part in file for part in _IDLE) or (file.endswith("system/process.py") and "read" in text):
            return WAITING
        for kind, parts in _FILES:
            if any(part in file for part in parts):
                return SERVICES if kind == NETWORK and _of_a_supervisor(stack) else kind
    return OTHER


def _of_a_supervisor(stack: tuple[Frame, ...]) -> bool:
    """A socket is waited for: one to a supervisor, where its client is among the callers."""
    return any("hero_build/supervisors/" in file or "hero_build/services/" in file for file, _, _ in stack)


@cache
def program_kind(name: str) -> str:
    """The kind of work that a program is: its own name, if nothing else."""
    if name in _NAMES:
        return _NAMES[name]
    return next((kind for kind, pattern in _PATTERNS if pattern.fullmatch(name)), name)


def rank(kind: str) -> int:
    """Where a kind stands in a bar."""
    return KINDS.index(kind) if kind in KINDS else len(KINDS) + (kind == WAITING)


def is_program(kind: str) -> bool:
    """Whether it is the work of a program that hero-build has started, rather than of its own process."""
    return kind != WAITING and rank(kind) >= KINDS.index(GIT)
