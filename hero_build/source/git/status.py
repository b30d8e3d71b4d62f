"""The state of a checkout, read with one `git status` that changes nothing."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import CheckoutRefused, ToolFailed
from hero_build.model.steps import Tree
from hero_build.source.cargo.config_files import configured_output_folders
from hero_build.source.git.hidden_changes import hidden_changes
from hero_build.source.git.paths import url_matches, without_credentials
from hero_build.system import process

CACHE_TAG = "CACHEDIR.TAG"
"""The file that cargo puts into its target folder (bford.info/cachedir)."""
_OPTIONS = ("-c", "core.quotePath=true", "-c", "core.fsmonitor=false")  # the files themselves, not what a program says
_STATUS = ("status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignore-submodules=none", "--no-renames")
_FIELDS_BEFORE_PATH = {"1": 8, "u": 10, "?": 1}  # the number of fields before the path, which may contain spaces
_REMOTE_URL_KEY = re.compile(r"remote\..+\.url")
_PLAIN_SECTION = re.compile(r'\[(?!include)([a-z][a-z0-9-]*)(?: "([^"\\]*)")?\]', re.IGNORECASE)
_PLAIN_SETTING = re.compile(r'\t([A-Za-z][A-Za-z0-9-]*) = ([^\s"\\#;]+)')
_WHOLE_PATHS = (b"DIRC\0\0\0\2", b"DIRC\0\0\0\3")
"""How an index of version 2 or 3 begins: from version 4 on, a path leaves out what it shares with the one before."""
_PARTIAL_INDEX = (b"\0link\0", b"sdir\0\0\0\0")
"""Extensions of a split index and of a sparse one."""
_OPERATION_FILES = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")


class GitStatus(Struct, frozen=True):
    """A checkout compared with its HEAD. `commit` None: no commit yet; `branch` empty: HEAD is detached.

    `changes`: the paths that differ from the commit or are untracked and not ignored, sorted. cargo's output and an
    untracked Cargo.lock are not included: a build makes both. Files that are marked as unchanged are, if they differ.
    """

    commit: str | None
    branch: str
    upstream: str
    ahead: int
    behind: int
    changes: tuple[str, ...]


def status(path: Path) -> GitStatus:
    """The status of the checkout at `path`. Raises CheckoutRefused where git cannot read it; MissingTool."""
    command = ("git", "--no-optional-locks", *_OPTIONS, *_STATUS, "--", ".", *_target_excludes(path))
    try:
        text = process.capture(command, cwd=path, env=_environment(path))
    except ToolFailed as error:
        raise unreadable_checkout(path, error.tail or (error.message,)) from error
    read = _parse_status(text.split("\n"), _Outputs(path))
    hidden = hidden_changes(path, _environment(path))
    return replace(read, changes=tuple(sorted({*read.changes, *hidden}))) if hidden else read


def remote_of(path: Path, repo: str, branch: str) -> str:
    """The remote of a branch of the checkout, else one that leads to `repo`; empty: there are no remotes.

    Raises CheckoutRefused where there are remotes, and none of them leads to `repo`.
    """
    pairs = _plain_configuration(path / ".git" / "config")
    if pairs is None:
        command = ("git", "config", "--local", "--includes", "--list")
        lines = process.capture(command, cwd=path, env=_environment(path)).split("\n")
        pairs = dict(line.split("=", 1) for line in lines if "=" in line)
    urls = {key[len("remote.") : -len(".url")]: url for key, url in pairs.items() if _REMOTE_URL_KEY.fullmatch(key)}
    matching = [name for name, url in urls.items() if url_matches(url, repo)]
    if urls and not matching:
        others = ", ".join(without_credentials(url) for url in urls.values())
        hint = f"Move it away; or, if it is a fork: `git -C {path} remote add upstream URL-OF-{repo}`."
        raise CheckoutRefused(f"{path} is a checkout of another repository ({others}), not of {repo}", hint)
    configured = pairs.get(f"branch.{branch}.remote", "")
    return configured if configured in urls else next((name for name in ("origin", *matching) if name in matching), "")


def _plain_configuration(file: Path) -> dict[str, str] | None:
    """A configuration as git writes it, without starting git; None: it has more than that, or cannot be read."""
    pairs: dict[str, str] = {}
    section = ""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    for line in lines:
        if header := _PLAIN_SECTION.fullmatch(line):
            section = header[1].lower() + (f".{header[2]}" if header[2] is not None else "")
        elif section and (setting := _PLAIN_SETTING.fullmatch(line)):
            pairs[f"{section}.{setting[1].lower()}"] = setting[2]
        else:
            return None
    return pairs


def commit_of(path: Path, ref: str) -> str:
    """The commit that a branch, a tag or an (abbreviated) hash names in the checkout; empty: none."""
    command = ("git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        return process.capture(command, cwd=path, env=_environment(path))
    except ToolFailed:
        return ""


def tracked_files(path: Path, *pathspecs: str) -> tuple[str, ...]:
    """The files that git tracks in a checkout, without those of submodules; none where git cannot read it."""
    command = ("git", "--no-optional-locks", "ls-files", "-z", "--", *pathspecs)
    try:
        text = process.capture(command, cwd=path, env=_environment(path))
    except ToolFailed:
        return ()
    return tuple(name for name in text.split("\0") if name)


def may_track(path: Path, name: str) -> bool:
    """Whether git may track a file of this name below the root of a checkout. Starts no git, so that it says True
    where the index is written in a way that does not hold every path (gitformat-index(5)).
    """
    try:
        index = (path / ".git" / "index").read_bytes()
    except OSError:
        return True
    complete = not any(mark in index for mark in _PARTIAL_INDEX)
    return not (index.startswith(_WHOLE_PATHS) and complete) or os.fsencode(f"/{name}\0") in index


def read_tree(path: Path) -> Tree:
    """The checkout at `path` as the tree of a build. Raises CheckoutRefused, MissingTool."""
    return tree_of(path, status(path))


def tree_of(path: Path, status: GitStatus) -> Tree:
    """The tree of a checkout with this status. Raises CheckoutRefused where it has no commit."""
    if status.commit is None:
        raise CheckoutRefused(f"the checkout {path} has no commit yet", "Commit something there, or move it away.")
    return Tree(path, commit=status.commit, dirty=bool(status.changes), ref=status.branch, changes=status.changes)


def operation_in_progress(path: Path) -> str:
    """The git operation in progress in the checkout, by its file (`MERGE_HEAD`, `rebase-merge`); empty: none."""
    folder = path / ".git"
    if folder.is_file():  # a linked work tree or a submodule
        folder = path / folder.read_text(encoding="utf-8", errors="surrogateescape").partition(":")[2].strip()
    return next((state for state in _OPERATION_FILES if os.path.lexists(folder / state)), "")


def unreadable_checkout(path: Path, tail: tuple[str, ...]) -> CheckoutRefused:
    reason = next((line for line in tail if line.startswith("fatal: ")), tail[0])
    if "dubious ownership" in reason:
        hint = f"If you trust its owner: `git config --global --add safe.directory {path}`."
    else:
        hint = "Repair it with git, or move it away, so that it is cloned again."
    return CheckoutRefused(f"git cannot read the checkout {path}: {reason.removeprefix('fatal: ')}", hint)


def _environment(path: Path) -> Mapping[str, str]:
    """English output, commits as they are (git-replace(1)), and no repository of a folder above in place of this."""
    settings = {"GIT_CEILING_DIRECTORIES": str(path.parent), "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}
    return process.environment(settings)


def target_folders(path: Path) -> tuple[Path, ...]:
    """Where in a checkout cargo's output may be; a CACHE_TAG marks the folders that are."""
    folders = {path / "target", Path(os.path.abspath(path / os.environ.get("CARGO_TARGET_DIR", "target")))}
    return tuple(sorted(folder for folder in folders if folder.is_relative_to(path) and folder != path))


def _target_excludes(path: Path) -> tuple[str, ...]:
    """Pathspecs that exclude cargo's output in the tree."""
    folders = (folder for folder in target_folders(path) if (folder / CACHE_TAG).is_file())
    return tuple(f":(exclude,literal){folder.relative_to(path)}" for folder in folders)


def output_marks(folder: Path) -> tuple[Path, ...]:
    """The files by which a folder is cargo's, besides a CACHE_TAG: it writes them into every target and build folder,
    whatever named it (configuration, a variable, `--target-dir`) and whichever workspace it is of.
    """
    return folder / ".rustc_info.json", folder / "release" / ".cargo-lock", folder / "debug" / ".cargo-lock"


class _Outputs:
    """The folders of the tree that hold cargo's output: those that its configuration names, a `target` that is a link,
    and those that it has marked. Never the tree itself.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        linked = (folder for folder in target_folders(path) if folder.is_symlink() and folder.is_dir())
        folders = {*linked, *configured_output_folders(path, process.environment())} - {path}
        inside = (str(folder.relative_to(path)) for folder in folders if folder.is_relative_to(path))
        self._known = dict.fromkeys(inside, True)

    def contain(self, name: str) -> bool:
        """Whether a path of the tree is such a folder or in one."""
        while name:
            if name not in self._known:
                self._known[name] = any(mark.is_file() for mark in output_marks(self._path / name))
            if self._known[name]:
                return True
            name = os.path.dirname(name)
        return False


def _parse_status(lines: list[str], outputs: _Outputs) -> GitStatus:
    headers: Mapping[str, str] = {
        key: value for line in lines if (key := _header_key(line)) for value in [line[len(key) + 1 :]]
    }
    commit, branch = headers.get("# branch.oid", "(initial)"), headers.get("# branch.head", "(detached)")
    ahead, _, behind = headers.get("# branch.ab", "+0 -0").partition(" ")
    return GitStatus(
        commit=None if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        upstream=headers.get("# branch.upstream", ""),
        ahead=abs(int(ahead)),
        behind=abs(int(behind)),
        changes=tuple(sorted(path for line in lines if (path := _changed_path(line, outputs)))),
    )


def _header_key(line: str) -> str:
    return " ".join(line.split(" ", 2)[:2]) if line.startswith("# ") else ""


def _changed_path(line: str, outputs: _Outputs) -> str:
    """Empty for what a build makes: only untracked files can be that."""
    kind = line[:1]
    if kind not in _FIELDS_BEFORE_PATH:
        return ""
    path = _unquoted(line.split(" ", _FIELDS_BEFORE_PATH[kind])[-1])
    made = kind == "?" and (os.path.basename(path) == "Cargo.lock" or outputs.contain(path))
    return "" if made else path


def _unquoted(path: str) -> str:
    """git quotes unusual names like C, which is also how Python writes bytes."""
    if not path.startswith('"'):
        return path
    import ast  # lazy: such names are rare

    raw: bytes = ast.literal_eval("b" + path)
    return os.fsdecode(raw)
