"""The real toolchain for WebAssembly: cargo with wasm32, wasm-bindgen, wasm-opt and wasm-pack, below cache/wasm.

    bin = wasm_toolchain.ready()        # first on PATH; installs it (some minutes) if it is not there yet

Run as a script it does the same, so that a test run need not wait for it inside of a test.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("wasm-toolchain.sh")
PREFIX = REPO / "cache" / "wasm"
WASM_BINDGEN = "0.2.129"
"""What the workspaces of tests/world pin."""


def ready() -> Path:
    """The folder of programs. One process installs, the others wait; a stamp says what for, and where."""
    PREFIX.mkdir(parents=True, exist_ok=True)
    stamp, wanted = PREFIX / ".ready", f"{PREFIX} {WASM_BINDGEN} {hashlib.sha256(SCRIPT.read_bytes()).hexdigest()}\n"
    with (PREFIX / ".ready.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            _install()
            stamp.write_text(wanted)
    return PREFIX / "bin"


def _install() -> None:
    env = {name: value for name, value in os.environ.items() if name != "FORGEJO_TOKEN"}
    command = ["bash", str(SCRIPT), str(PREFIX)]
    done = subprocess.run(
        command, env={**env, "WASM_BINDGEN_VERSION": WASM_BINDGEN}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{SCRIPT.name} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


if __name__ == "__main__":
    sys.stdout.write(f"{ready()}\n")
