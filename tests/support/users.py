"""Commands run as another user, who can read everything (Python, the checkout) and write only what is theirs."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NOBODY_IN_PARTICULAR = 54321  # no entry in passwd


def as_user(uid: int, group: int | None = None, *, umask: str = "022") -> tuple[str, ...]:
    """A prefix that runs a command as `uid`; skipped where only one user can be had."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become another user, and setpriv (util-linux) is needed for it")
    caps = [f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps")]
    who = (f"--reuid={uid}", f"--regid={uid if group is None else group}", "--clear-groups")
    return ("setpriv", *who, *caps, "sh", "-c", f'umask {umask}; exec "$@"', "sh")


@contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """This process itself acts as `uid`, whose files it writes; a shell that it starts is root again (dash(1), -p)."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
