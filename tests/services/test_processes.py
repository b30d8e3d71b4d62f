"""Which programs of a root run, from /proc: installed ones, older ones, other users', and adopted ones."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.install import gc
from hero_build.install.layout import Root
from hero_build.queries.apps import by_app
from hero_build.queries.status import RunningProcess, running_processes
from hero_build.services import processes as runtime_processes
from hero_build.system import proc_stat
from support import roots
from support.daemons import Machine
from support.elf_files import program, static_elf
from support.processes import until

REPO = Path(__file__).resolve().parents[2]


def test_a_program_that_was_replaced_is_old_and_one_that_was_not_is_running(machine: Machine) -> None:
    machine.install("hero_db", "v1", "hero_db_server", "hero_db_admin")
    with machine.by_hand("hero_db_server"), machine.by_hand("hero_db_admin"):
        assert machine.running() == {"hero_db_server": "running", "hero_db_admin": "running"}
        machine.install("hero_db", "v2", "hero_db_server", "hero_db_admin@v1")
        assert machine.running()["hero_db_server"] == "old"
        assert machine.running()["hero_db_admin"] == "running", "the same bytes, though they came as a new file"


def test_a_file_that_generations_share_is_the_same_program(machine: Machine) -> None:
    machine.install("hero_db", "v1", "hero_db_server")
    with machine.by_hand("hero_db_server"):
        for number in range(8):
            machine.install("other", f"v{number}", "other")
        assert machine.running() == {"hero_db_server": "running"}
        gc.collect(machine.root, keep=1)
        assert machine.running() == {"hero_db_server": "running"}


def test_what_stood_there_before_the_first_install_is_old(machine: Machine) -> None:
    static_elf(machine.program("hero_db_server"), program("hero_db_server", "v0"))
    with machine.by_hand("hero_db_server"):
        assert machine.running() == {}, "nothing is installed yet"
        machine.install("hero_db", "v1", "hero_db_server")
        assert machine.running() == {"hero_db_server": "old"}


def test_a_program_from_elsewhere_is_none_of_the_root(machine: Machine, tmp_path: Path) -> None:
    machine.install("hero_db", "v1", "hero_db_server")
    elsewhere = static_elf(tmp_path / "elsewhere" / "hero_db_server", program("hero_db_server", "v1"))
    with subprocess.Popen([elsewhere, "wait"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"hero_db_server v1\n"
            assert machine.running() == {}
        finally:
            process.kill()


def test_the_programs_below_a_process_the_nearest_first(machine: Machine) -> None:
    machine.install("hero_db", "v1", "hero_db_server", "hero_db_admin")
    server, admin = machine.program("hero_db_server"), machine.program("hero_db_admin")
    script = f"(sh -c '{admin} wait; :'; :) & {server} wait; :"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL, start_new_session=True) as shell:
        try:
            assert until(lambda: set(machine.running()) == {"hero_db_server", "hero_db_admin"})
            below = [item.binary for item in runtime_processes.process_table(machine.root).descendants(shell.pid)]
            assert below == ["hero_db_server", "hero_db_admin"]
            assert list(runtime_processes.process_table(machine.root).descendants(0)) == []
        finally:
            os.killpg(shell.pid, 9)


def test_one_that_ends_while_it_is_looked_at_is_left_out(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two looks at its program."""
    machine.install("hero_db", "v1", "hero_db_server")
    with machine.by_hand("hero_db_server") as process:
        readlink = os.readlink

        def then_it_ends(path: str) -> str:
            target = readlink(path)
            if path == f"/proc/{process.pid}/exe":
                process.kill()
                process.wait()
            return target

        monkeypatch.setattr(runtime_processes, "_pids", lambda: [process.pid])
        assert machine.running() == {"hero_db_server": "running"}
        monkeypatch.setattr(os, "readlink", then_it_ends)
        assert machine.programs() == ()


def test_when_a_process_began(machine: Machine) -> None:
    machine.install("hero_db", "v1", "hero_db_server")
    before = time.time()
    with machine.by_hand("hero_db_server") as process:
        began = proc_stat.start_time(process.pid)
        assert began is not None
        assert before - 0.1 <= began <= time.time() + 0.1
    assert proc_stat.start_time(process.pid) is None


def test_a_process_that_another_user_started_is_unknown(machine: Machine) -> None:
    """Seen by one without power over root's processes; its name is what it calls itself."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can have another user's eyes, and setpriv (util-linux) is needed for it")
    machine.install("hero_db", "v1", "hero_db_server")
    script = (
        "import sys; from pathlib import Path; from hero_build.install.layout import Root;"
        "from hero_build.services import processes;"
        "print([(p.pid, p.binary, p.state) for p in processes.running_programs(Root(Path(sys.argv[1])))])"
    )
    # It may read every file, so that it finds Python, the checkout and the root; it may not look into processes.
    reader = [f"--{caps}=-all,+dac_read_search" for caps in ("inh-caps", "ambient-caps")]
    other = ["setpriv", "--reuid=65534", "--clear-groups", *reader]
    with machine.by_hand("hero_db_server") as process:
        command = [*other, sys.executable, "-c", script, str(machine.root.path)]
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"[({process.pid}, 'hero_db_server', 'unknown')]\n"


def test_the_processes_of_each_app(tmp_path: Path) -> None:
    machine = Machine(Root(tmp_path / "hero"))
    machine.install("hero_db", "v1", "hero_db_server")
    roots.install(machine.root, "gone", "v1", "gone")
    installed = by_app(manifest.load(machine.root.path))
    with machine.by_hand("hero_db_server") as server, machine.by_hand("gone"):
        processes = running_processes(machine.root, {"hero_db": installed["hero_db"]})
        assert processes == {"hero_db": (RunningProcess(server.pid, "hero_db_server", "running"),)}
