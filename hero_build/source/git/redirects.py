"""What a checkout's own configuration may do to a git that carries the token: send it elsewhere, or start programs.

From git-config(1) and git-lfs-config(5), all that a fetch, a submodule update or `git lfs pull` reads. What is pinned
for those calls is left out: hooks, fsmonitor and maintenance by `-c`, credential helpers and pull filters by
credentials.py. tests/source/git/test_redirects.py sorts every setting that the installed git knows.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hero_build.errors import ToolFailed
from hero_build.system import process

_REDIRECTING = re.compile(
    r"core\.(?:sshcommand|gitproxy|askpass|alternaterefscommand)"
    r"|url\..+\.(?:insteadof|pushinsteadof)"
    r"|http\.(?:.+\.)?(?:proxy|proxyssl\w+|ssl(?!cert|key)\w+|schannel\w+|curloptresolve|followredirects)"
    r"|remote\..+\.(?:proxy|vcs|uploadpack)"
    r"|protocol\.(?:.+\.)?allow"
    r"|filter\..+\.(?:process|smudge|clean)"
    r"|submodule\..+\.update"
    r"|hook\..+\.command"
    r"|lfs\.(?:.+\.)?(?:standalonetransferagent|sshtransfer)"
    r"|lfs\.(?:customtransfer|extension)\..+\.(?:path|args|clean|smudge)"
)
_USUAL = {
    "clean": ("git-lfs clean -- %f",),
    "smudge": ("git-lfs smudge -- %f", "git-lfs smudge --skip -- %f"),
    "process": ("git-lfs filter-process", "git-lfs filter-process --skip"),
    "update": ("checkout", "none"),
    "sslverify": ("true", "1", "yes", "on"),
    "followredirects": ("initial", "false"),
}
"""Values that redirect nothing: what `git lfs install --local` writes, and ways to update that start no program."""


def redirecting_settings(folder: Path) -> tuple[str, ...]:
    """The names of such settings in the configuration of the checkout in `folder` and of its submodules, sorted."""
    return tuple(sorted({name for name, value in _settings(folder) if redirects(name, value)}))


def redirects(name: str, value: str) -> bool:
    """Whether a setting may redirect a call, or start a program in it."""
    key = name.lower().rpartition(".")[2]
    return _REDIRECTING.fullmatch(name.lower()) is not None and value.strip() not in _USUAL.get(key, ())


def _settings(folder: Path) -> Iterator[tuple[str, str]]:
    """Of a checkout, and of its submodules: those that are checked out, and those whose repositories git has kept."""
    yield from _local_settings(folder)
    common = Path("\n".join(_git(folder, "rev-parse", "--path-format=absolute", "--git-common-dir")))
    if common.is_absolute():
        for config in common.glob("modules/**/config"):
            # with a work tree that exists: that of a submodule may be gone, and git would stop there
            yield from _local_settings(folder, f"--git-dir={config.parent}", f"--work-tree={folder}")
    entries = "\n".join(_git(folder, "ls-files", "--stage", "-z")).split("\0")
    for path in (folder / entry.partition("\t")[2] for entry in entries if entry.startswith("160000 ")):
        if (path / ".git").exists():
            yield from _settings(path)


def _local_settings(folder: Path, *options: str) -> Iterator[tuple[str, str]]:
    """The settings that are of the repository itself, with what its configuration includes."""
    fields = "\n".join(_git(folder, *options, "config", "--list", "--includes", "--show-scope", "-z")).split("\0")
    for scope, setting in zip(fields[::2], fields[1::2], strict=False):
        if scope in ("local", "worktree"):
            name, _, value = setting.partition("\n")
            yield name, value


def _git(folder: Path, *words: str) -> list[str]:
    """The lines of stdout; none where git cannot read the repository, which the call itself reports."""
    env = process.environment({"GIT_CEILING_DIRECTORIES": str(folder.parent)})
    try:
        return process.capture(("git", *words), cwd=folder, env=env).split("\n")
    except ToolFailed:
        return []
