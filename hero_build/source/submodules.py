"""Submodules: brought where they are missing or where a clean checkout has moved on; a person's work stays."""

import re

from hero_build.source.checkout import Git

_PATH = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)


def fill(git: Git) -> None:
    """Bring every submodule to the commit that the checkout names; call it on a clean checkout only."""
    if not (git.folder / ".gitmodules").is_file():
        return
    depth = (f"--depth={git.reach.depth}",) if git.reach.depth else ()
    git.remote("submodule", "--quiet", "update", "--init", "--recursive", *depth)


def lacking(git: Git) -> bool:
    """Whether a submodule was never brought; costs no process."""
    try:
        text = (git.folder / ".gitmodules").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(not (git.folder / found[1] / ".git").exists() for found in _PATH.finditer(text))
