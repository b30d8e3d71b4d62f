"""Which apps have changed since a commit: those whose checkout or whose recipe has, as git tells it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hero_build import process
from hero_build.errors import RefNotFound, ToolFailed

_NEW = "0" * 40  # what a push event calls the commit before the first one


def affected(apps: Mapping[str, Sequence[Path]], ref: str) -> tuple[str, ...]:
    """The apps of which any path (a checkout, a folder in one, a recipe file) differs from `ref`, in their order.

    Committed changes count, and so does work that is not committed. All of them when `ref` is the zero commit of a
    first push, and an app whose path is in no repository. Raises RefNotFound, MissingTool.
    """
    return tuple(app for app, paths in apps.items() if any(changed(path, ref) for path in paths))


def changed(path: Path, ref: str) -> bool:
    """Whether anything at `path` differs from `ref`. Raises RefNotFound, MissingTool."""
    if ref == _NEW:
        return True
    folder = path if path.is_dir() else path.parent
    if not _inside(folder):
        return True
    commit = _commit(folder, ref)
    spec = "." if path.is_dir() else f"./{path.name}"
    committed = _git(folder, "diff", "--name-only", "--no-renames", "--no-ext-diff", commit, "--", spec)
    fresh = _git(folder, "ls-files", "--others", "--exclude-standard", "--", spec)
    return bool(committed or fresh)


def _commit(folder: Path, ref: str) -> str:
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except ToolFailed as error:
        hint = "Fetch it first: a shallow checkout has the newest commit only (`fetch-depth: 0`)."
        raise RefNotFound(f"the checkout at {folder} has no commit {ref!r}", hint) from error


def _inside(folder: Path) -> bool:
    try:
        return _git(folder, "rev-parse", "--is-inside-work-tree") == "true"
    except ToolFailed:
        return False


def _git(folder: Path, *words: str) -> str:
    return process.capture(("git", "--no-optional-locks", *words), cwd=folder, env=process.environment()).strip()
