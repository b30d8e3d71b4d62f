"""What a checkout's own configuration may do to a git that carries the token: send it elsewhere, or start programs."""

import re
from collections.abc import Iterator
from pathlib import Path

from hero_build.errors import ToolFailed
from hero_build.system import process

_REDIRECTING = re.compile(
    r"core\.(?:sshcommand|gitproxy|askpass|alternaterefscommand)"
    r"|url\..+\.(?:insteadof|pushinsteadof)"
    r"|http\.(?:.+\.)?(?:proxy|sslverify|sslcainfo|sslcapath)"
    r"|remote\..+\.(?:proxy|vcs|uploadpack)"
    r"|protocol\..*allow"
    r"|filter\.(?!lfs\.).+\.(?:process|smudge)"
)
"""git-config(1). Hooks, fsmonitor and credential helpers are set by hero-build itself (credentials.py)."""


def redirecting_settings(folder: Path) -> tuple[str, ...]:
    """The names of such settings in the configuration of the checkout in `folder` and of its submodules, sorted."""
    return tuple(sorted({name for file in _config_files(folder / ".git") for name in _redirecting(file)}))


def _config_files(git: Path) -> Iterator[Path]:
    files = (git / "config", git / "config.worktree", *git.glob("modules/**/config"))
    return (file for file in files if file.is_file())


def _redirecting(file: Path) -> Iterator[str]:
    """A file that git cannot read is reported by the call itself."""
    command = ("git", "config", "--file", str(file), "--includes", "--list", "--name-only")
    try:
        names = process.capture(command, cwd=file.parent, env=process.environment()).split("\n")
    except ToolFailed:
        return iter(())
    return (name for name in names if _REDIRECTING.fullmatch(name.lower()))
