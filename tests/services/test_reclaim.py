"""What may be stopped before a start."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from hero_build.services.reclaim import end_process, signal_number, systemd_unit


@pytest.mark.parametrize(
    ("lines", "unit"),
    [
        ("0::/system.slice/hero-db.service\n", "hero-db.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/hero.service\n", "hero.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-term.scope\n", ""),
        ("9:name=systemd:/\n0::/\n", ""),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", ""),
    ],
)
def test_the_unit_of_a_process(lines: str, unit: str, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_text(lines)
    assert systemd_unit(7, tmp_path) == unit
    assert systemd_unit(8, tmp_path) == ""


@pytest.mark.parametrize(
    ("name", "number"), [("TERM", signal.SIGTERM), ("SIGINT", signal.SIGINT), ("quit", signal.SIGQUIT), ("9", 9)]
)
def test_signals_by_name(name: str, number: int) -> None:
    assert signal_number(name) == number


def test_a_process_that_ignores_the_signal_is_killed() -> None:
    with subprocess.Popen(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert end_process(process.pid, signal.SIGTERM, 0.3)
        assert process.wait() == -signal.SIGKILL
    assert end_process(process.pid, signal.SIGTERM, 0.3), "it is gone already"
    assert not os.path.exists(f"/proc/{process.pid}")
