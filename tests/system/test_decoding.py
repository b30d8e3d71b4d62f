"""Threads that decode the same types for the first time at the same moment."""

import re
import subprocess
import sys
from pathlib import Path

import hero_build

PACKAGE = Path(hero_build.__file__).parent
THREADS = """
import sys, threading
from hero_build.forge import api_documents
from hero_build.model.manifest_document import ManifestDocument
from hero_build.system.decoding import decode_json
import msgspec

sys.setswitchinterval(1e-7)
kinds = [kind for kind in vars(api_documents).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
barrier = threading.Barrier(8)

def work():
    barrier.wait()
    for kind in (ManifestDocument, list[ManifestDocument], *kinds):
        try:
            decode_json(b'{"apps": {"x": {"binaries": {"a": {}}}}, "assets": [{"name": "x"}], "tag_name": "v1"}', kind)
        except msgspec.ValidationError:
            pass

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("alive", len(kinds))
"""
DIRECT = re.compile(r"msgspec\.(json\.decode|toml\.decode|convert|json\.Decoder)\((?!.*prepared\().*")
"""A call that reads a type's fields without the lock; a decode without a type reads none."""


def test_threads_that_decode_for_the_first_time_do_not_crash() -> None:
    for _ in range(10):
        done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
        assert re.fullmatch(r"alive [1-9]\d*\n", done.stdout)


def test_types_are_read_by_one_module() -> None:
    direct = [
        f"{path.relative_to(PACKAGE)}: {call.group(0)}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "decoding.py"
        for call in DIRECT.finditer(path.read_text())
        if "type=" in call.group(0) or not call.group(0).startswith("msgspec.json.decode")
    ]
    assert direct == []
