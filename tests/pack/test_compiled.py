"""Modules that a pack carries compiled: the same bytes in each process, and nothing that does not compile."""

import marshal
import re
import subprocess
import sys
from importlib.util import MAGIC_NUMBER

from hero_build.pack import compiled, tool_archive

_DIGEST = """
import hashlib, pathlib, sys
for name in sys.argv[2:]:
    __import__(name)
from hero_build.pack.compiled import compiled
folder = pathlib.Path(sys.argv[1])
files = compiled({path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))})
print(hashlib.sha256(b"".join(files.values())).hexdigest(), len(files))
"""


def test_equal_sources_make_equal_bytes() -> None:
    """Whatever else a process has imported, and so how many references its constants have."""
    folder = tool_archive.PACKAGE / "cli"
    others = ((), ("json", "argparse", "hero_build.cli.app", "asyncio"), ("rich.console", "xml.dom.minidom"))
    lines = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST, folder, *names], capture_output=True, text=True, check=True
        ).stdout
        for names in others
    }
    (line,) = lines
    assert int(line.split()[1]) == len(list(folder.glob("*.py")))


def test_what_does_not_compile_is_left_out() -> None:
    files = compiled.compiled({"a.py": b"SET = {'b', 'c'}\nprint(1 in {3, 4})\n", "b.py": b"print 'of Python 2'\n"})
    assert list(files) == ["a.pyc"]
    assert files["a.pyc"][:4] == MAGIC_NUMBER
    assert marshal.loads(files["a.pyc"][16:]).co_filename == "a.py"


def test_what_is_read_as_text_stays_source() -> None:
    """Each module whose file something else than an import reads."""
    read = re.compile(r"\b(?!hero_build|module)(\w+)\.__file__|__file__\)\.with_name\(\"(\w+)\.py")
    for path in tool_archive.PACKAGE.rglob("*.py"):
        for match in read.finditer(path.read_text()):
            (module,) = tool_archive.PACKAGE.rglob(f"{match[1] or match[2]}.py")
            assert str(module.relative_to(tool_archive.PACKAGE.parent)).startswith(tool_archive.AS_TEXT), path


def test_the_parts_are_what_they_were_made_of() -> None:
    own = {"hero.lock": b"{}"}
    tool = {
        "lib/hero_build/__init__.py": b"A = 1\n",
        "lib/hero_build/server/page.html": b"<p>",
        "lib/rich/__init__.py": b"",
        "lib/typing_extensions.py": b"",
        "cp311/msgspec/_core.so": b"\x7fELF",
        "cp311/msgspec-0.22.0.dist-info/LICENSE": b"free",
    }
    parts = tool_archive.tool_parts(own, {}, tool)
    assert sorted(parts) == sorted(["common", "cp311", "rest.zip", "source", compiled.NAME])
    assert tool_archive.files_of(parts) == {**tool, "lib/hero.lock": b"{}"}
