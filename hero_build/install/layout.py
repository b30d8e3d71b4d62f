"""Where things are below a root (docs/on-disk.md, contract). Only `is_ours` reads the disk."""

import errno
import os
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from hero_build import STATE
from hero_build.model.artifacts import ISLANDS, SHELL
from hero_build.os_errors import ABSENT

FOLDERS = ("bin", "lib", "share/hero_os")


class Root(Struct, frozen=True):
    """A root, `~/hero` by default, and the paths below it."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / STATE

    @property
    def current(self) -> Path:
        return self.state / "current"

    @property
    def generations(self) -> Path:
        return self.state / "generations"

    @property
    def staging(self) -> Path:
        return self.state / "staging"

    @property
    def partial(self) -> Path:
        return self.state / "partial"

    @property
    def store(self) -> Path:
        return self.state / "store"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def exec(self) -> Path:
        """The files through which supervisors start services."""
        return self.state / "exec"

    @property
    def upgrade(self) -> Path:
        """The journal of an upgrade under way."""
        return self.state / "upgrade.json"

    @property
    def adoption(self) -> Path:
        """The journal of an adoption under way."""
        return self.state / "adoption.json"

    @property
    def has_journal(self) -> bool:
        """Whether an upgrade or an adoption is under way, or was interrupted."""
        return self.upgrade.exists() or self.adoption.exists()

    def generation(self, number: int) -> Path:
        return self.generations / str(number)

    def place(self, name: str) -> Path:
        """The path of a linked name (`bin/hero_db`, `share/hero_os/islands`)."""
        return self.path / name

    def text(self, name: str) -> str:
        """The same as text: for a thousand names, joining Paths costs more than the system calls they are for."""
        return f"{self.path}/{name}"


@lru_cache(maxsize=4096)  # a command asks for the same names at several of its steps
def link_name(path: str) -> str:
    """The name that is linked for a file at `path`: itself, or the folder of the bundle it is in."""
    for folder in FOLDERS:
        if path.startswith(f"{folder}/") and (name := path[len(folder) + 1 :].partition("/")[0]):
            return f"{folder}/{name}"
    raise ValueError(f"{path} is in none of the linked folders")


@lru_cache(maxsize=4096)
def owned_path(path: str) -> str:
    """What a part owns alone when it installs a file at `path`: the path, or the folder of the bundle it is in."""
    if path.startswith(f"{SHELL}/"):
        return SHELL
    if path.startswith(f"{ISLANDS}/"):
        return f"{ISLANDS}/{path[len(ISLANDS) + 1 :].partition('/')[0]}"
    return path


def link_target(name: str) -> str:
    """The target of the link at `name`: a path through `current`, relative to the link's own folder."""
    up = "/".join([".."] * name.count("/"))
    return f"{up}/{STATE}/current/{name}"


def is_ours(root: Root, name: str) -> bool:
    """Whether our own link is at `name`; False where nothing or something foreign is."""
    try:
        return os.readlink(root.text(name)) == link_target(name)
    except OSError as error:
        if error.errno == errno.EINVAL or isinstance(error, ABSENT):  # of readlink: it is no link
            return False
        raise
