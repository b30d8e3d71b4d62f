"""What the tests take minutes to compile and keep in cache/, made before they begin, each with all cores.

A test that finds it missing makes it itself; here nobody waits for it with a clock running.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from support import actions_runner, sccache_server, wasm_toolchain, zinit_crate

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared"


def forge() -> object:
    """The server, built from the Go module proxy."""
    command: list[str | Path] = [
        sys.executable,
        SHARED / "forge.py",
        "--cache",
        REPO / "cache" / "forge",
        "--build-only",
    ]
    return subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


WORK: tuple[tuple[str, Callable[[], object]], ...] = (
    ("the forge", forge),
    ("the Actions runner", actions_runner.program),
    ("the WebAssembly toolchain", wasm_toolchain.ready),
    ("zinit", zinit_crate.binaries),
    ("zinit with its other features", zinit_crate.full),
    ("sccache", sccache_server.program),
)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    if not SHARED.is_dir():
        say("../shared is not there: what needs it is skipped")
        return
    for name, make in WORK:
        began = time.monotonic()
        make()
        say(f"ready: {name} ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
