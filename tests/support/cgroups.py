"""A cgroup of its own for each systemd that a test starts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.processes import until

_HIERARCHIES = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))


def hierarchy() -> Path | None:
    """Where cgroup2 is mounted, if it may be written."""
    places = (path for path in _HIERARCHIES if (path / "cgroup.procs").exists() and os.access(path, os.W_OK))
    return next(places, None)


@contextmanager
def own(name: str) -> Iterator[Path]:
    """A new cgroup, removed at the end, when its processes have ended."""
    parent = hierarchy()
    assert parent is not None
    made = parent / f"hero-build-test-{os.getpid()}-{name}"
    made.mkdir()
    try:
        yield made
    finally:
        assert until(lambda: _remove(made)), list(made.rglob("cgroup.procs"))


def _remove(cgroup: Path) -> bool:
    """Remove a cgroup and those below it: whether it is gone, for their processes may still end."""
    try:
        for path in sorted((path for path in cgroup.rglob("*") if path.is_dir()), reverse=True):
            path.rmdir()
        cgroup.rmdir()
    except OSError:
        return False
    return True
