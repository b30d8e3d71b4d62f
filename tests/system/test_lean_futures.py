"""Futures without logging still log the error of a callback, and leave no stand-in behind."""

import subprocess
import sys

FUTURES = """
import sys
from hero_build.system import lean_futures
from concurrent.futures import ThreadPoolExecutor
assert "logging" not in sys.modules
def fail(future):
    raise ValueError("in a callback")
with ThreadPoolExecutor(1) as pool:
    future = pool.submit(pow, 2, 3)
    assert future.result() == 8
future.add_done_callback(fail)
import logging
assert logging.getLogger("concurrent.futures").name == "concurrent.futures"
assert isinstance(logging.StreamHandler(), logging.Handler)
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_error_of_a_callback_is_logged() -> None:
    assert "in a callback" in run(FUTURES)


def test_what_is_there_already_stays() -> None:
    names = ("logging",)
    run(
        f"import sys, {', '.join(names)}\n"
        f"before = {{name: sys.modules[name] for name in {names!r}}}\n"
        "import hero_build.system.lean_futures\n"
        "assert all(sys.modules[name] is module for name, module in before.items())\n"
    )
