"""msgspec without what it rarely needs works as ever, and leaves no stand-in behind."""

import subprocess
import sys

MSGSPEC = """
import sys
from hero_build.system import lean_msgspec
absent = {"platform", "typing_extensions", "inspect", "textwrap", "msgspec.inspect", "msgspec._json_schema"}
assert not absent & sys.modules.keys(), absent & sys.modules.keys()
import msgspec, platform, uuid
assert platform.machine() and platform.python_version()
text = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
assert msgspec.json.decode(f'"{text}"', type=uuid.UUID) == uuid.UUID(text)
class Point(msgspec.Struct):
    x: int
assert msgspec.json.schema(Point)["$defs"]["Point"]["properties"] == {"x": {"type": "integer"}}
assert msgspec.json.schema_components([Point])[0] == ({"$ref": "#/$defs/Point"},)
assert msgspec.inspect.type_info(int) == msgspec.inspect.IntType()
import msgspec.inspect
from msgspec import inspect
assert inspect.IntType is msgspec.inspect.IntType
assert not hasattr(inspect, "none of that name")
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_all_of_it_works() -> None:
    run(MSGSPEC)


def test_what_is_there_already_stays() -> None:
    names = ("platform", "typing_extensions", "msgspec.inspect", "msgspec._json_schema")
    run(
        f"import sys, {', '.join(names)}\n"
        f"before = {{name: sys.modules[name] for name in {names!r}}}\n"
        "import hero_build.system.lean_msgspec\n"
        "assert all(sys.modules[name] is module for name, module in before.items())\n"
    )
