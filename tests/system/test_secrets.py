"""A token is gone from where other processes of the same user look, as soon as the settings are read."""

import os
import subprocess
import sys

READ = """
import ctypes, os, subprocess
from hero_build import settings
value = settings.read({"root": "/tmp/nowhere"}, os.environ)
block = subprocess.run(["cat", f"/proc/{os.getpid()}/environ"], capture_output=True).stdout
with open("/proc/self/environ", "rb") as file:
    own = file.read()
print(value.token.reveal() if value.token else "none")
print(b"s3cret" in block, b"s3cret" in own, b"BESIDE=kept" in own)
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
print(os.environ["BESIDE"], subprocess.run(["printenv", "BESIDE"], capture_output=True, text=True).stdout.strip())
"""


def run(**more: str) -> list[str]:
    env = {**os.environ, "BESIDE": "kept", **more}
    done = subprocess.run([sys.executable, "-c", READ], env=env, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_token_is_erased_from_the_environment_block() -> None:
    token, seen, dumpable, beside = run(FORGEJO_TOKEN="s3cret-token", GITHUB_TOKEN="other-s3cret")
    assert (token, seen, beside) == ("s3cret-token", "False False True", "kept kept")
    assert dumpable == "0"


def test_without_a_token_the_process_is_as_it_was() -> None:
    token, seen, dumpable, beside = run(FORGEJO_TOKEN="")
    assert (token, seen, beside) == ("none", "False False True", "kept kept")
    assert dumpable == "1"
