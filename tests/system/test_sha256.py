"""SHA-256 of little data by Python's own code: the same digests as OpenSSL's, which is then not loaded."""

import hashlib
import subprocess
import sys

import pytest

from hero_build.system.sha256 import LITTLE, hasher, sha256_of

_SCRIPT = """
import sys
from hero_build.system.sha256 import sha256_of
sha256_of(b"x" * int(sys.argv[1]))
print("_hashlib" in sys.modules)
"""


@pytest.mark.parametrize("size", [0, 1, 64, LITTLE - 1, LITTLE, LITTLE + 1, 4 * LITTLE])
def test_digests_are_those_of_openssl(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert sha256_of(data[:size]) == hashlib.sha256(data[:size]).hexdigest()


@pytest.mark.parametrize("size", [None, 0, LITTLE, LITTLE + 1])
def test_size_only_says_what_is_expected(size: int | None) -> None:
    whole = hasher(size)
    for _ in range(3):
        whole.update(memoryview(bytearray(LITTLE)))
    assert whole.hexdigest() == hashlib.sha256(bytes(3 * LITTLE)).hexdigest()


@pytest.mark.parametrize(("size", "loaded"), [(LITTLE, "False"), (LITTLE + 1, "True")])
def test_openssl_is_loaded_for_much_data_alone(size: int, loaded: str) -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT, str(size)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded
