"""The rest of a pack's tool: unpacked when something in it is imported, once, by any number of processes."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hero_build.system import packed_rest
from support.mount_namespaces import namespace
from support.worlds import REPO

IMPORT = (
    f"import sys; sys.path.insert(1, {str(REPO)!r}); from hero_build.system import packed_rest;"
    "packed_rest.install(sys.argv[1]); sys.path.insert(0, sys.argv[1]); import far.off, single; print(far.off.WHERE)"
)


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """An unpacked tool, whose rest has a package of a hundred modules and a single one."""
    (folder := tmp_path / "tools" / "a tool").mkdir(parents=True)
    with zipfile.ZipFile(folder / packed_rest.ARCHIVE, "w") as archive:
        archive.writestr("lib/far/__init__.py", "")
        archive.writestr("lib/far/off.py", "WHERE = __file__\n")
        archive.writestr("lib/single.py", "")
        archive.writestr("lib/far-1.0.dist-info/METADATA", "")
        for number in range(100):
            archive.writestr(f"lib/far/more{number}.py", f"NUMBER = {number}\n")
    (folder / packed_rest.NAMES).write_text("far single")
    return folder


def imports(tool: Path, prefix: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    command = [*prefix, sys.executable, "-c", IMPORT, str(tool)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_several_at_once(tool: Path) -> None:
    processes = [imports(tool) for _ in range(6)]
    answers = [process.communicate(timeout=600) for process in processes]
    assert answers == [(f"{tool / 'far' / 'off.py'}\n", "")] * 6
    left = {path.name for path in tool.iterdir()} - {"__pycache__"}
    assert left == {"far", "single.py", packed_rest.NAMES}
    assert list(tool.parent.iterdir()) == [tool], "nothing is left beside it"


def test_what_is_missing_unpacks_nothing(tool: Path) -> None:
    code = "import sys; from hero_build.system import packed_rest; packed_rest.install(sys.argv[1]); import farther"
    done = subprocess.run([sys.executable, "-c", code, str(tool)], cwd=REPO, capture_output=True, text=True)
    assert "No module named 'farther'" in done.stderr
    assert (tool / packed_rest.ARCHIVE).exists()


def test_a_folder_that_cannot_be_written_to(tool: Path) -> None:
    """Of root, for instance, or on a file system that is mounted read-only: the archive is imported from."""
    read_only = namespace('mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"', str(tool.parent))
    out, error = imports(tool, read_only).communicate(timeout=600)
    assert (out, error) == (f"{tool / packed_rest.ARCHIVE}/lib/far/off.py\n", "")
    assert (tool / packed_rest.ARCHIVE).exists()
