"""What tests ask about processes has an answer at every moment, also while one ends."""

import os
import subprocess

from support import processes


def test_a_process_may_end_while_it_is_looked_at() -> None:
    for _ in range(100):
        with subprocess.Popen(["true"]) as process:
            pid = process.pid
            while process.poll() is None:
                assert processes.parent(pid) in (0, os.getpid())
                assert set(processes.children(pid)) == set()
                assert not processes.is_stopped(pid)
                assert isinstance(processes.open_files(pid), tuple)
        assert not processes.alive(pid)
        assert (processes.parent(pid), processes.children(pid), processes.open_files(pid)) == (0, (), ())


def test_what_runs_is_seen_as_it_is() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 600 & wait"]) as shell:
        child = processes.first_child(shell.pid)
        assert child > 1
        try:
            assert (processes.parent(child), processes.children(shell.pid)) == (shell.pid, (child,))
            assert processes.alive(child)
            assert list(processes.descendants(shell.pid)) == [child]
            processes.suspend(shell.pid)
            assert processes.alive(shell.pid)
            with open(os.devnull):
                assert os.devnull in processes.open_files(os.getpid())
        finally:
            os.kill(child, 9)
            shell.kill()
    assert processes.gone([child, shell.pid])
