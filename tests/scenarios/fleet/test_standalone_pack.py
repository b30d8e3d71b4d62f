"""A pack with an interpreter of its own: on a Debian without Python, beside another pack, damaged, on full disks."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hero_build.model.services import Definition
from hero_build.supervisors.exec_file import write_exec
from support import debian, roots
from support.mount_namespaces import namespace
from support.packs import Machine

pytestmark = pytest.mark.timeout(1800)
"""The first test of all may have to fetch wheels and make an interpreter."""

NO_NETWORK = (str(shutil.which("unshare")), *(() if os.geteuid() == 0 else ("--user", "--map-root-user")), "--net")

NEEDED = "sh wc head tail tar gzip mktemp mkdir id stat rm mv cut chmod uname sync sha256sum"
"""The programs that the shell script in a pack calls."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (folder := tmp_path / "home").mkdir()
    return Machine(folder)


@pytest.fixture
def bare(machine: Machine) -> dict[str, str]:
    """The environment of a machine that has what each Debian has, and no Python on PATH."""
    (folder := machine.folder / "bin").mkdir()
    for name in NEEDED.split():
        (folder / name).symlink_to(str(shutil.which(name)))
    return {"PATH": str(folder)}


def test_a_debian_without_python_installs_from_it(standalone: Path, tmp_path: Path) -> None:
    machine = debian.machine(tmp_path).bound({"/opt/tester": standalone})
    commands = "! command -v python3; /opt/tester install; ~/hero/bin/db_admin; /opt/tester status; /opt/tester verify"
    done = machine.run(f"set -e; {commands}")
    assert done.code == 0, done.out
    assert "generation 1: db v2 (download), web v1 (download). Undo: /opt/tester rollback 0" in done.out
    assert "intact" in done.out


def test_without_a_network_and_beside_another_pack(
    tester: Path, standalone: Path, machine: Machine, bare: dict[str, str]
) -> None:
    done = machine.run(standalone, "install", "--json", prefix=NO_NETWORK, env=bare)
    assert done.code == 0, done.err
    assert json.loads(done.out)["after"] == 1
    assert machine.ok(tester, "install") == "nothing to do: 2 apps as asked, intact\n"
    assert len(list(machine.tools.iterdir())) == 2, "the interpreter, and the tool, which both share"


def test_it_writes_another_with_the_same_python(
    standalone: Path, machine: Machine, bare: dict[str, str], tmp_path: Path
) -> None:
    machine.run(standalone, "install", env=bare)
    lock, new = machine.folder / "apps.lock", tmp_path / "new"
    for words in (
        ("lock", "--installed", "--offline", "-o", str(lock)),
        ("pack", "--locked", str(lock), "--at", str(standalone), "--standalone", "-o", str(new)),
    ):
        done = machine.run(standalone, *words, prefix=NO_NETWORK, env=bare)
        assert done.code == 0, done.err
    (folder := tmp_path / "other").mkdir()
    done = Machine(folder).run(new, "install", prefix=NO_NETWORK, env=bare)
    assert (done.code, "db v2" in done.out) == (0, True), done.err


def test_twice_at_once(standalone: Path, machine: Machine, bare: dict[str, str]) -> None:
    command = [str(standalone), "install"]
    both = [
        subprocess.Popen(command, env=machine.environ(bare), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=900) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert not [path for path in machine.tools.iterdir() if path.name.startswith(".new")]
    assert {part.app for part in roots.settled(machine.root).records} == {"db", "web"}


def test_one_byte_of_the_interpreter_that_changed(standalone: Path, machine: Machine, bare: dict[str, str]) -> None:
    content = bytearray(standalone.read_bytes())
    content[content.index(b"python.tar.gz") + 2_000_000] ^= 1
    (broken := machine.folder / "broken").write_bytes(content)
    done = machine.run(Path("sh"), str(broken), "install", env=bare)
    assert (done.code, done.err.splitlines()[0]) == (
        5,
        f"error: {broken} is damaged: the Python in it is not what was packed",
    )
    assert not machine.root.path.exists()


def test_a_noexec_root_and_a_noexec_cache(standalone: Path, machine: Machine, bare: dict[str, str]) -> None:
    for name in ("hero", ".cache"):
        (machine.folder / name).mkdir()
    one = namespace('mount -t tmpfs -o noexec tmpfs "$0" && PATH=$BARE exec "$@"', str(machine.root.path))
    done = machine.run(standalone, "--version", prefix=one, env={"BARE": bare["PATH"]})
    assert (done.code, done.out) == (0, "hero-build 0.1.0\n"), done.err
    assert len(list((machine.folder / ".cache/hero-build/tools").iterdir())) == 2
    shutil.rmtree(machine.folder / ".cache/hero-build")
    mounts = 'for place in hero .cache; do mount -t tmpfs -o noexec tmpfs "$HOME/$place"; done; PATH=$BARE exec "$@"'
    done = machine.run(standalone, "--version", prefix=namespace(mounts, "sh"), env={"BARE": bare["PATH"]})
    assert done.code == 8
    assert done.err.startswith(f"error: this pack cannot be unpacked: neither {machine.tools} nor ")


def test_a_full_disk(standalone: Path, machine: Machine, bare: dict[str, str]) -> None:
    machine.root.path.mkdir()
    script = (
        'mount -t tmpfs -o size=8m tmpfs "$0"; PATH=$BARE "$@"; code=$?; ls -A "$0/var/hero_build/tools"; exit $code'
    )
    full = namespace(f"{script}; exit $code", str(machine.root.path))
    done = machine.run(standalone, "install", prefix=full, env={"BARE": bare["PATH"]})
    assert (done.code, done.out) == (8, ""), "nothing is left of it"
    assert f"error: the Python in {standalone} cannot be unpacked in {machine.tools}" in done.err


def test_another_machine(standalone: Path, machine: Machine) -> None:
    done = machine.run(standalone, "install", prefix=("setarch", "i686"))
    assert (done.code, done.err.splitlines()[0]) == (
        8,
        "error: this pack is for x86_64 machines, and this one is i686",
    )
    assert not machine.root.path.exists()


def test_its_python_runs_what_services_need(standalone: Path, machine: Machine, bare: dict[str, str]) -> None:
    """The shim that starts services, the supervisor, and children without the libraries that came along."""
    done = machine.run(standalone, "--version", env=bare)
    assert done.code == 0, done.err
    (python,) = machine.tools.glob("python-*/python")
    (tool,) = machine.tools.glob("0.*")
    words = ("/bin/sh", "-c", "echo $LD_LIBRARY_PATH started")
    definition = Definition(name="app", command=words, folder=machine.folder, log=machine.folder / "log")
    _, *options = write_exec(machine.root, definition)
    for given in ({}, {"LD_LIBRARY_PATH": "/mine"}):
        started = machine.run(python, *options, env={**bare, **given})
        assert started.out.split() == [*given.values(), "started"], started.err
    run = "runpy.run_module('supervisor.supervisord', None, '__main__')"
    rest = f"from hero_build.system import packed_rest; packed_rest.install({str(tool)!r})"
    code = f"import sys, runpy; sys.path.insert(0, {str(tool)!r}); {rest}; {run}"
    assert machine.run(python, "-c", code, "--version", env=bare).out.startswith("4.")
