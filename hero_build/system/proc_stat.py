"""What /proc/<pid>/stat says of a process (proc(5))."""

import os
import time
from pathlib import Path

from hero_build.os_errors import raise_for_machine


def stat_fields(pid: int) -> list[str] | None:
    """The fields from the state (the third) on: the name before it may contain any character. None if it has ended."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError as error:
        raise_for_machine(error)
        return None
    return raw.rpartition(")")[2].split() or None


def start_time(pid: int) -> float | None:
    """When a process was started, in seconds of time.time(), accurate to a few hundredths; None if it has ended."""
    fields = stat_fields(pid)
    if fields is None:
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - age
