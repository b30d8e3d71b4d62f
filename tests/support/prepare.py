"""What the tests take minutes to compile and keep in cache/, made before they begin, each with all cores.

A test that finds it missing makes it itself; here nobody waits for it with a clock running.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from support import (
    actions_runner,
    axe,
    gitea,
    machine_base,
    machines,
    packs,
    sccache_server,
    wasm_toolchain,
    zinit_crate,
)
from tools import collection

REPO = Path(__file__).resolve().parents[2]


def forge() -> object:
    return gitea.build(REPO / "cache" / "forge")


def machine() -> object:
    return machines.missing() or machine_base.layers()


WORK: tuple[tuple[str, Callable[[], object]], ...] = (
    ("the forge", forge),
    ("the Actions runner", actions_runner.program),
    ("the WebAssembly toolchain", wasm_toolchain.ready),
    ("zinit", zinit_crate.binaries),
    ("zinit with its other features", zinit_crate.full),
    ("sccache", sccache_server.program),
    ("axe-core", axe.script),
    ("the disk of the machines", machine),
    ("what packs are made of", packs.prepare),
    ("the checks of Ansible collections", collection.prepare),
)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    for name, make in WORK:
        began = time.monotonic()
        make()
        say(f"ready: {name} ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
