"""Whether a shell finds the programs of a root, and the line that makes it find them."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

_PROFILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc"}
_ESCAPED = str.maketrans({letter: f"\\{letter}" for letter in '\\"$`'})


class PathAdvice(Struct, frozen=True):
    """`line`: a command for the shell that is in use. `profile`: the file that keeps it; empty: the command does."""

    folder: Path
    line: str
    profile: str


def path_advice(folder: Path, environ: Mapping[str, str]) -> PathAdvice | None:
    """What puts `folder` on the PATH of the user's shell ($SHELL); None if it is there."""
    if str(folder) in environ.get("PATH", "").split(os.pathsep):
        return None
    shell = os.path.basename(environ.get("SHELL", ""))
    if shell == "fish":
        import shlex

        return PathAdvice(folder, f"fish_add_path {shlex.quote(str(folder))}", "")
    line = f'export PATH="{str(folder).translate(_ESCAPED)}:$PATH"'
    return PathAdvice(folder, line, _PROFILES.get(shell, "~/.profile"))
