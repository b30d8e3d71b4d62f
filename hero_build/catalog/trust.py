"""Which recipes may run. A recipe is code, and runs as the user who calls hero-build.

Trusted are files of root, of this user, of the user who called sudo (SUDO_UID), if nobody else may write them: a file
by its owner and mode, and so its folder and the folder of its compiled copies, where it could be replaced.
"""

import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from hero_build.errors import UntrustedRecipe


def check_trusted(recipe: Path) -> None:
    """Check a recipe and what it may import from its folder. Raises UntrustedRecipe with the command to run."""
    owners = trusted_owners()
    for path in dict.fromkeys(_files(recipe)):
        status = path.stat()
        if status.st_uid not in owners:
            why, command = f"it belongs to {_user(status.st_uid)}", f"chown {os.geteuid()} {path}"
        elif status.st_mode & stat.S_IWOTH and not (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
            why, command = "every user may write it", f"chmod o-w {path}"
        else:
            continue
        raise UntrustedRecipe(
            f"{recipe} is not run: {path} is not trusted, {why}",
            f"A recipe is code that runs as you. If you have read it: `{command}`.",
        )


def trusted_owners() -> frozenset[int]:
    """root, this user, and for root also the user who called sudo."""
    caller = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return frozenset({0, os.geteuid(), *([int(caller)] if caller.isascii() and caller.isdecimal() else [])})


def _files(recipe: Path) -> Iterator[Path]:
    """The recipe, the modules that it may import, and their folders; of a link also what it leads to."""
    for path in dict.fromkeys((recipe, recipe.resolve())):
        yield path.parent
        yield path
        names = _private_names(path.parent, path.parent.stat().st_mtime_ns)
        yield from (path.parent / name for name in names if (path.parent / name).exists())


@lru_cache
def _private_names(folder: Path, _changed: int) -> tuple[str, ...]:
    """What recipes of a folder may import from it; listed once for each state of the folder, not for each recipe."""
    return tuple(sorted(name for name in os.listdir(folder) if name[0] == "_"))


def _user(uid: int) -> str:
    import pwd  # only for an error message

    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user ID {uid}"
