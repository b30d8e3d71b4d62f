"""Processes that a service started and that live on without it: known by `HERO_SERVICE` in their environment.

Whatever a service starts inherits the variable, unless it removes it; a process of another root, of another user or of
another service is none of them.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from hero_build.install.layout import Root
from hero_build.os_errors import raise_for_machine
from hero_build.services.processes import ProcessTable

VARIABLE = "HERO_SERVICE"


def marked_processes(name: str, root: Root) -> Iterator[int]:
    """All processes of this user that the service started, or that it is itself."""
    marks = {os.fsencode(f"{VARIABLE}={name}"), os.fsencode(f"HERO_ROOT={root.path}")}
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdecimal()):
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError as error:  # another user's, or it has ended
            raise_for_machine(error)
            continue
        if marks.issubset(variables):
            yield pid


def leftovers(name: str, root: Root, *, table: ProcessTable, held: Collection[int]) -> tuple[int, ...]:
    """Those without what a supervisor holds, this process, and those that started any of them."""
    spared = _with_ancestors({*held, os.getpid()}, table)
    return tuple(pid for pid in marked_processes(name, root) if pid not in spared)


def _with_ancestors(pids: set[int], table: ProcessTable) -> set[int]:
    parents = {child: parent for parent, children in table.children.items() for child in children}
    spared: set[int] = set()
    for pid in pids:
        while pid and pid not in spared:
            spared.add(pid)
            pid = parents.get(pid, 0)
    return spared
