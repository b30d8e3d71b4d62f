"""One file with hero-build, a lock file and its contents: without a network, on old and full machines, damaged."""

import ast
import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from hero_build.pack import starter
from support import mirrors, packs, roots, worlds
from support.mount_namespaces import namespace
from support.packs import Machine
from support.worlds import World

pytestmark = pytest.mark.timeout(1800)
"""The first test of all may have to fetch wheels and make an interpreter."""

NO_NETWORK = ("unshare", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")), "--net")
VERSIONS = ("3.6", "3.10", "3.13")
PYTHONS = [path for version in VERSIONS for path in Path.home().glob(f".pyenv/versions/{version}.*/bin/python3")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (folder := tmp_path / "home").mkdir()
    return Machine(folder)


def test_a_machine_without_a_network_installs_from_a_pack(tester: Path, machine: Machine) -> None:
    document = worlds.valid(json.loads(machine.ok(tester, "install", "--json", prefix=NO_NETWORK)), "install")
    assert [part["part"] for part in document["parts"]] == ["db", "web"]
    assert document["undo"] == f"'{tester}' rollback 0"
    assert subprocess.run([machine.root.place("bin/db_admin")], capture_output=True).returncode == 0
    assert machine.ok(tester, "install", prefix=NO_NETWORK) == "nothing to do: 2 apps as asked, intact\n"
    assert "intact" in machine.ok(tester, "status", "web")
    assert "v2" in machine.ok(tester, "explain", "db")
    assert machine.ok(tester, "verify")
    machine.ok(tester, "uninstall", "web")
    machine.ok(tester, "rollback")
    assert {part.app for part in roots.settled(machine.root).records} == {"db", "web"}
    assert len(list(machine.tools.iterdir())) == 1


def test_only_some_of_it_and_only_what_is_in_it(tester: Path, machine: Machine) -> None:
    assert "generation 1: web v1 (download)" in machine.ok(tester, "install", "@small"), "a set of the packed recipes"
    done = machine.run(tester, "install", "hero_db")
    assert (done.code, done.err.splitlines()[:2]) == (
        3,
        [
            "error: hero_db: this pack holds nothing of lhumina_code/hero_db",
            "  hint: It has db, web. A hero-build that is installed makes one with more: pack db web APP -o FILE",
        ],
    )
    assert "download v2" in machine.run(tester, "install", "db", "-v").err


def test_equal_contents_make_equal_packs(packing: World, tester: Path, tmp_path: Path) -> None:
    lock = tmp_path / "apps.lock"
    packing.ok("lock", "db", "web", "-o", str(lock))
    locked = packs.make(packing, tmp_path / "locked", "--locked", str(lock))
    assert locked.read_bytes() == tester.read_bytes(), "nothing of the time, the folder or the user is in it"


def test_a_pack_is_a_place_for_other_locks(packing: World, tester: Path, machine: Machine, tmp_path: Path) -> None:
    lock = tmp_path / "web.lock"
    packing.ok("lock", "web", "-o", str(lock))
    text = lock.read_text().replace(packing.mirror.as_uri(), "http://127.0.0.1:9/gone")
    lock.write_text(text)
    packing.ok("--root", str(machine.root.path), "install", "--locked", str(lock), "--at", str(tester))
    assert roots.settled(machine.root).number == 1


def test_an_app_that_cannot_be_packed_leaves_no_file(packing: World, tmp_path: Path) -> None:
    mirrors.recipe(packing.recipes, "late")
    try:
        done = packing.run("pack", "db", "late", "-o", str(tmp_path / "p"), "--json")
    finally:
        (packing.recipes / "late.py").unlink()
    document = worlds.valid(done.document)
    assert (done.code, document["written"], document["failed"][0]["app"]) == (3, False, "late")
    assert list(tmp_path.iterdir()) == []


def test_over_an_older_and_a_newer_one(packing: World, tester: Path, machine: Machine, tmp_path: Path) -> None:
    old = packs.make(packing, tmp_path / "old.pyz", "db@v1")
    machine.ok(old, "install")
    assert "db v1 -> v2" in machine.ok(tester, "install", "db")
    assert "db v2 -> v1" in machine.ok(old, "install")
    assert len(list(machine.tools.iterdir())) == 2, "each has a folder of its own"
    assert "intact" in packing.ok("--root", str(machine.root.path), "status", "db")


def test_twice_at_once(tester: Path, machine: Machine) -> None:
    command = [str(tester), "install"]
    both = [
        subprocess.Popen(command, env=machine.environ({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=900) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert len(list(machine.tools.iterdir())) == 1
    assert {part.app for part in roots.settled(machine.root).records} == {"db", "web"}


@pytest.mark.parametrize("kept", [200, 5000, -1])
def test_a_pack_that_is_cut_short_says_so(tester: Path, machine: Machine, kept: int) -> None:
    part = machine.folder / "part.pyz"
    part.write_bytes(tester.read_bytes()[: max(kept, 700) if kept > 0 else kept])
    done = machine.run(Path("sh"), str(part), "install")
    assert (done.code, done.err.splitlines()[0]) == (
        5,
        f"error: {part} is not whole: it must have {tester.stat().st_size} bytes",
    )
    assert not machine.root.path.exists()


@pytest.mark.parametrize("where", ["tool", "content", "end"])
def test_one_byte_that_changed_is_noticed(tester: Path, machine: Machine, where: str) -> None:
    content = bytearray(tester.read_bytes())
    place = {
        "tool": content.index(b"tool/rest.zip") + 400_000,
        "content": content.rindex(b"\x7fELF") + 3000,
        "end": len(content) - 30,
    }[where]
    content[place] ^= 1
    (broken := machine.folder / "broken.pyz").write_bytes(content)
    broken.chmod(0o755)
    done = machine.run(broken, "install")
    assert done.code in (1, 3, 5), done.err
    assert "error: " in done.err
    assert "Traceback" not in done.err
    if machine.root.current.exists():
        assert machine.ok(tester, "verify"), "what was installed is right"
    assert machine.ok(tester, "install"), "the right file works after it"


def test_on_a_noexec_folder(tester: Path, machine: Machine) -> None:
    mount = namespace('mount -t tmpfs -o noexec tmpfs "$0" && cp "$1" "$0/t.pyz" && shift && exec "$@"')
    (stick := machine.folder / "stick").mkdir()
    done = machine.run(Path("sh"), f"{stick}/t.pyz", "install", prefix=(*mount, str(stick), str(tester)))
    assert done.code == 0, done.err


def test_a_noexec_root_and_cache(tester: Path, machine: Machine) -> None:
    for name in ("hero", ".cache"):
        (machine.folder / name).mkdir()
    one = namespace('mount -t tmpfs -o noexec tmpfs "$0" && exec "$@"')
    assert "hero-build" in machine.ok(tester, "--version", prefix=(*one, str(machine.root.path)))
    assert list((machine.folder / ".cache/hero-build/tools").iterdir()), "the cache is the second place"
    shutil.rmtree(machine.folder / ".cache")
    (machine.folder / ".cache").mkdir()
    mounts = 'for place in hero .cache; do mount -t tmpfs -o noexec tmpfs "$HOME/$place"; done; exec "$@"'
    both = namespace(mounts, "sh")
    done = machine.run(tester, "--version", prefix=both)
    assert done.code == 8
    assert f"this pack cannot be unpacked: {machine.tools} is on a file system that is mounted noexec;" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to another user")
def test_root_runs_no_tool_that_another_user_unpacked(tester: Path, machine: Machine) -> None:
    machine.ok(tester, "install")
    for path in (machine.tools, *machine.tools.rglob("*")):
        os.chown(path, 4321, 4321)
    (tool,) = machine.tools.iterdir()
    (tool / "hero_build" / "__init__.py").write_text("raise SystemExit('run as root')\n")
    assert machine.ok(tester, "--version").startswith("hero-build ")
    assert [path.name for path in machine.tools.iterdir()] == [tool.name], "and leaves nothing there"
    assert (machine.folder / ".cache/hero-build/tools" / tool.name).is_dir()


def test_a_full_disk(tester: Path, machine: Machine) -> None:
    machine.root.path.mkdir()
    full = namespace('mount -t tmpfs -o size=4m tmpfs "$0"; "$@"; code=$?; ls -A "$0/var/hero_build/tools"; exit $code')
    done = machine.run(tester, "install", prefix=(*full, str(machine.root.path)))
    assert (done.code, done.out) == (8, ""), "nothing is left of it"
    assert "cannot be unpacked: [Errno 28] No space left on device" in done.err


def test_a_pack_for_another_machine(tester: Path, machine: Machine) -> None:
    done = machine.run(tester, "install", prefix=("setarch", "i686"))
    assert (done.code, done.err.splitlines()[0]) == (
        8,
        "error: this pack is for x86_64 machines, and this one is i686",
    )
    assert not machine.root.path.exists()


def test_no_python_at_all(tester: Path, machine: Machine) -> None:
    (bare := machine.folder / "bin").mkdir()
    for name in ("sh", "wc"):
        (bare / name).symlink_to(str(shutil.which(name)))
    done = machine.run(tester, "install", env={"PATH": str(bare)})
    assert (done.code, done.err.splitlines()[0]) == (
        8,
        "error: this pack needs Python 3.11 to 3.14, and there is no python3 on PATH",
    )


@pytest.mark.parametrize("python", PYTHONS, ids=[path.parts[-3] for path in PYTHONS])
def test_real_interpreters(tester: Path, machine: Machine, python: Path) -> None:
    """Old ones say so in a sentence; new ones install."""
    version = tuple(int(part) for part in python.parts[-3].split(".")[:2])
    done = machine.run(python, str(tester), "install", env={"PATH": "/nowhere"})
    if version >= (3, 11):
        assert (done.code, machine.root.current.exists()) == (0, True), done.err
        return
    assert done.code == 8
    assert done.err.startswith(f"error: this pack needs Python 3.11 to 3.14 (CPython), and {python} is cpython 3.")
    assert "--standalone" in done.err


@pytest.mark.parametrize("script", ['cat "$0" | sh -s install', 'mkfifo pipe; cat "$0" > pipe & sh pipe install'])
def test_a_pack_from_a_pipe(tester: Path, machine: Machine, script: str) -> None:
    done = machine.run(Path("sh"), "-c", script, str(tester))
    assert done.code == 8, done.err
    assert done.err.startswith("error: a pack reads its own file, and ")
    assert not machine.root.path.exists()


def test_a_name_with_a_line_break_and_a_closed_umask(tester: Path, machine: Machine) -> None:
    (folder := machine.folder / "a\nstick").mkdir()
    shutil.copy(tester, pack := folder / "t s.pyz")
    script = Path("sh"), "-c", 'umask 077 && exec "$0" "$@"', str(pack)
    assert machine.ok(*script, "install")
    assert machine.ok(*script, "verify")
    assert machine.root.path.stat().st_mode & 0o777 == 0o700


def python_with(machine: Machine, code: str) -> dict[str, str]:
    """An environment whose `python3` runs some code first."""
    (folder := machine.folder / "python").mkdir()
    (folder / "first.py").write_text(f"import runpy, sys\n{code}\nsys.argv.pop(0)\n")
    with (folder / "first.py").open("a") as file:
        file.write('runpy.run_path(sys.argv[0], run_name="__main__")\n')
    (folder / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "{folder}/first.py" "$@"\n')
    (folder / "python3").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_a_python_without_optional_modules(tester: Path, machine: Machine) -> None:
    names = ("ssl", "_ssl", "sqlite3", "_sqlite3", "_hashlib", "ctypes", "_ctypes", "bz2", "lzma", "_bz2", "_lzma")
    env = python_with(machine, f"sys.modules.update(dict.fromkeys({names}))")
    done = machine.run(tester, "install", env=env)
    assert done.code == 0, done.err


def test_a_python_without_zlib(tester: Path, machine: Machine) -> None:
    done = machine.run(tester, "install", env=python_with(machine, "sys.modules['zlib'] = None"))
    assert done.code == 8, done.err
    assert done.err.startswith("error: this pack needs zlib, which ")
    assert not machine.root.path.exists()


def test_another_pack_takes_its_place_while_it_runs(packing: World, tester: Path, machine: Machine) -> None:
    """Between the start of its hero-build and the first content."""
    shutil.copy(tester, pack := machine.folder / "t.pyz")
    other = packs.make(packing, machine.folder / "other.pyz", "db@v1")
    code = f"""import os
run = runpy.run_module
def replaced(*words, **more):
    os.replace({str(other)!r}, {str(pack)!r})
    return run(*words, **more)
runpy.run_module = replaced"""
    done = machine.run(pack, "install", env=python_with(machine, code))
    assert (done.code, "Traceback" in done.err) == (3, False), done.err
    assert f"is not at {pack}" in done.err
    assert not machine.root.place("bin/db").exists()


def started(monkeypatch: pytest.MonkeyPatch) -> tuple[object, str]:
    """The exit code and the error of the starter of a pack for machines like this one."""
    monkeypatch.setattr(sys, "argv", ["tester.pyz", "install"])
    monkeypatch.setenv("PATH", "/nowhere")
    source = Path(starter.__file__).read_text().replace("@MACHINE@", os.uname().machine).replace("@LIBC@", "glibc")
    with pytest.raises(SystemExit) as end, redirect_stderr(io.StringIO()) as err:
        exec(compile(source, "__main__.py", "exec"), {"__name__": "__main__"})
    return end.value.code, err.getvalue()


def test_an_old_python_can_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ast.parse(Path(starter.__file__).read_text(), feature_version=(3, 6))
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    code, error = started(monkeypatch)
    assert code == 8
    assert "is cpython 3.10.4" in error


def test_a_pack_for_another_libc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "confstr", lambda _: None)
    code, error = started(monkeypatch)
    assert code == 8
    assert error.startswith("error: this pack is for Pythons on glibc, and ")
    assert "is on musl" in error
