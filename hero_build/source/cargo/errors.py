"""Turns the output of a failed cargo, rustc or rustup into an error with a hint."""

import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hero_build.errors import BuildError, DiskFull, HeroBuildError, MachineError, MissingTool


class _MachineFault(NamedTuple):
    """A problem of the machine: the pattern of its output, and its error; `{}` is the first group that matched."""

    pattern: str
    kind: type[MachineError]
    sentence: str
    hint: str


_FAULTS = (
    _MachineFault(
        r"No space left on device|Disk quota exceeded|os error 28\b|File size limit exceeded|SIGXFSZ"
        r"|ld terminated with signal 7 \[Bus error\]",  # a linker that maps its output, on a full disk
        kind=DiskFull,
        sentence="the disk is full",
        hint="Free some space: `cargo clean` in an old checkout, or `hero-build gc`.",
    ),
    _MachineFault(
        r"sccache: (?:error|encountered fatal error)(?:: (.+))?",
        kind=MachineError,
        sentence="the compiler cache failed: {}",
        hint="Is the cache reachable? `RUSTC_WRAPPER= hero-build …` builds without it.",
    ),
    _MachineFault(
        r"requires rustc ([\d.]*\d)",
        kind=MissingTool,
        sentence="the Rust toolchain is too old: {} is needed",
        hint="Update it with `rustup update`.",
    ),
    _MachineFault(
        r"is not supported by the following package|this version of Cargo is older than|supported edition values are"
        r"|lock file version .* (?:was found|requires)|feature `(edition\w+)` is required",
        kind=MissingTool,
        sentence="the Rust toolchain is too old for this repository",
        hint="Update it with `rustup update`.",
    ),
    _MachineFault(
        r"toolchain '?([^'\s]+)'? is not installed",
        kind=MissingTool,
        sentence="the Rust toolchain {} is not on this machine",
        hint="Install it with `rustup toolchain install {}`.",
    ),
    _MachineFault(
        r"no default toolchain|could not choose a version of \w+ to run",
        kind=MissingTool,
        sentence="rustup has no toolchain selected",
        hint="Select one with `rustup default stable`.",
    ),
    _MachineFault(
        r"linker `([^`]+)` not found",
        kind=MissingTool,
        sentence="the linker {} is not on this machine",
        hint="Install a C compiler (Debian, Ubuntu: `apt install build-essential`).",
    ),
    _MachineFault(
        r"the `([^`]+)` target may not be installed",
        kind=MissingTool,
        sentence="Rust's {} target is not on this machine",
        hint="Install it with `rustup target add {}`.",
    ),
    _MachineFault(
        r"[Tt]he system library `([^`]+)` required by crate",
        kind=MissingTool,
        sentence="the build needs the library {}, which is not on this machine",
        hint="Install its development package, {}-dev or {}-devel.",
    ),
    _MachineFault(
        r"is `([\w.+-]+)` not installed\?|failed to find tool \"([\w./+-]+)\"|[Cc]ould not find `(protoc)`"
        r"|[Uu]nable to find (libclang)",
        kind=MissingTool,
        sentence="the build needs {}, which is not on this machine",
        hint="Install {}, then run the command again.",
    ),
)
_LOCK_OUT_OF_DATE = re.compile(r"--locked was passed")
_SIGNALLED = re.compile(r"\bsignal:? (\d+)\b")
"""As cargo, rustc, sccache, cc and ld report the end of a process that they have started."""
_MEMORY = "Is there enough memory? The kernel's log (`dmesg`) names what it killed. CARGO_BUILD_JOBS=1 needs less."
_ERROR = re.compile(r"error(\[\w+\])?: ")


def cargo_error(
    what: str, tail: Sequence[str], folder: Path, log: Path | None = None, *, code: int | None = None
) -> HeroBuildError:
    """The error for a cargo that failed in `folder`: `what` failed, and `tail` is the end of its output.

    `code`: cargo's exit code; negative: the signal that ended it.
    """
    ended = ended_by_signal(tail, code)
    reasons = [_first_error(tail), *((ended.reason,) if ended else ())]
    sentence = f"{what}: {'; '.join(filter(None, reasons)) or 'no reason given'}"
    hint = (ended.hint if ended else "") or _hint("\n".join(tail), folder)
    return machine_error(tail) or BuildError(sentence, hint, tail=tuple(tail), log=log)


class EndedBySignal(NamedTuple):
    """`hint`: empty unless the signal is what a lack of memory ends in."""

    reason: str
    hint: str


def ended_by_signal(tail: Sequence[str], code: int | None = None) -> EndedBySignal | None:
    """Whether a signal ended cargo, whose exit code is then negative, or a process that it had started."""
    match = _SIGNALLED.search("\n".join(tail))
    number = -code if code is not None and code < 0 else int(match[1]) if match else None
    if number is None:
        return None
    name = f"signal {number}"
    with suppress(ValueError):
        name = signal.Signals(number).name
    who = "cargo" if code == -number else "a compiler or another process of the build"
    return EndedBySignal(f"{name} ended {who}", _MEMORY if number == signal.SIGKILL else "")


def machine_error(tail: Sequence[str]) -> MachineError | None:
    """The error where the machine is the cause, not the source; None: it is not."""
    text = "\n".join(tail)
    for fault in _FAULTS:
        if match := re.search(fault.pattern, text):
            name = next((group for group in match.groups() if group), "")
            return fault.kind(fault.sentence.replace("{}", name), fault.hint.replace("{}", name))
    return None


def _hint(text: str, folder: Path) -> str:
    if _LOCK_OUT_OF_DATE.search(text):
        return f"Cargo.lock is out of date: run `cargo update --workspace` in {folder}, review it, and commit it."
    return f"Run `cargo build --release` in {folder} to see the error alone."


def _first_error(tail: Sequence[str]) -> str:
    """The first error of cargo or rustc in `tail`: later ones are often its consequences."""
    marked = (line for line in tail if _ERROR.match(line))
    return next(marked, tail[-1] if tail else "").strip()
