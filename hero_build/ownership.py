"""Files of another user in one's own root, as one `sudo hero-build …` leaves them."""

import errno
import os
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from hero_build import STATE

OTHER_ROOT, OTHER_CACHE, OTHER_FILE = "another with --root", "another cache with HERO_BUILD_CACHE", "another with -o"
"""What a person may name instead of a place that is refused: the end of a hint."""


def permission_hint(error: OSError, where: Path, other: str, need: str = "writable") -> str:
    """The next step where an operation at `where` was refused: with the owner and a command, if that is the reason."""
    return _owner_hint(error, where) or f"Make {existing(where)} {need} for this user, or name {other}."


def space_hint(other: str) -> str:
    """The next step where a place is full."""
    if other == OTHER_ROOT:
        return "Free some space (`hero-build gc` drops old generations), then run it again."
    return f"Free some space there, or name {other}."


def _owner_hint(error: OSError, where: Path) -> str:
    """Empty where the owner is not the reason, and where the root is not this user's: it is not theirs to take."""
    if error.errno == errno.EROFS or os.geteuid() == 0 or (root := _root_of(where)) is None:
        return ""
    named = [Path(os.fsdecode(name)) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    command = repair_command(root)
    if not command:
        return ""
    places = dict.fromkeys(place for name in (*named, where) for place in (name, existing(name), name.parent))
    inside = ((path, _owner(path)) for path in places if path.is_relative_to(root))
    foreign = ((path, _user_name(owner)) for path, owner in inside if owner not in (None, os.geteuid()))
    for path, owner in chain(foreign, foreign_files(root)):  # the system may not have named the path itself
        return f"{path} is owned by {owner}: `{command}`."
    return ""


def repair_command(root: Path) -> str:
    """The command that gives a root to its user: the caller, for the superuser its owner. Empty if it is not theirs.

    It is the caller's if its folder is, or if the superuser created it in a folder of the caller. Where a group shares
    the root, the command makes its folders writable for the group: files are replaced, never written.
    """
    import shlex  # only for messages

    if sharing_group(root) is not None:
        return f"sudo find {shlex.quote(str(root))} -type d -exec chmod g+rwxs {{}} +"
    owner, user = _owner(root), os.geteuid()
    if owner is None or root == root.parent:
        return ""
    if user == 0:
        user = owner
    elif owner != user and (owner != 0 or _owner(root.parent) != user):
        return ""
    return f"sudo chown -R {_user_name(user)} {shlex.quote(str(root))}"


def sharing_group(root: Path) -> int | None:
    """The group that shares a root: hero-build's folder is setgid and writable for it. None: no group does."""
    try:
        status = os.stat(root / STATE)
    except OSError:
        return None
    return status.st_gid if status.st_mode & stat.S_ISGID and status.st_mode & stat.S_IWGRP else None


def foreign_files(root: Path) -> Iterator[tuple[Path, str]]:
    """What hero-build keeps below a root that is not the caller's (for the superuser: not the root's owner's), each
    with its owner's name. Of a root that a group shares: folders that the group may not write.
    """
    user, shared = os.geteuid() or _owner(root), sharing_group(root) is not None
    for path in (root, *(path for name in ("bin", "lib", "share/hero_os", STATE) for path in _below(root / name))):
        if (owner := _owner(path)) not in (None, user) and not (shared and _is_open_to_group(path)):
            yield path, _user_name(owner)


def _is_open_to_group(path: Path) -> bool:
    """Whether members can replace what is in a folder; they need not write files, nor the folders of single runs."""
    mode = os.lstat(path).st_mode
    return not stat.S_ISDIR(mode) or bool(mode & stat.S_IWGRP) or path.is_relative_to(path.parents[1] / "partial")


def _user_name(uid: int | None) -> str:
    """The name of a user in passwd, or the number."""
    import pwd  # only for messages

    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return str(uid)


def _below(top: Path) -> Iterator[Path]:
    yield top
    for folder, folders, files in os.walk(top):
        yield from (Path(folder, name) for name in sorted((*folders, *files)))


def _root_of(path: Path) -> Path | None:
    """The root that `path` is, or is in."""
    return next((parent for parent in (path, *path.parents) if os.path.isdir(parent / STATE)), None)


def existing(path: Path) -> Path:
    """`path`, or the nearest of its parents that exists (as whatever)."""
    return next((parent for parent in (path, *path.parents) if os.path.lexists(parent)), path)


def _owner(path: Path) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None
