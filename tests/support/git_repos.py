"""Real git repositories for tests: small ones with a history, and directory mirrors that carry them bare."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A Person"), ("EMAIL", "person@forge.example"), ("DATE", "2026-01-02T03:04:05Z"))
}


def git(folder: Path, *words: str) -> str:
    """The stdout of git, which must succeed."""
    command = ["git", "-c", "protocol.file.allow=always", *words]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **IDENTITY}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def commit(folder: Path, files: Mapping[str, str], message: str = "work") -> str:
    """Commit `files` on the branch that is checked out; the commit."""
    write(folder, files)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, files: Mapping[str, str], branch: str = "main") -> Path:
    """A repository with one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", f"--initial-branch={branch}")
    commit(folder, files)
    return folder


@dataclass(frozen=True, slots=True)
class Upstream:
    """A repo: developers commit in `work`; `bare` is its repository in the mirror."""

    mirror: Path
    repo: str
    work: Path

    @property
    def bare(self) -> Path:
        return self.mirror / f"{self.repo}.git"

    def commit(self, files: Mapping[str, str], branch: str = "main") -> str:
        """A new commit on a branch, made there if it is new; shown by the mirror at once."""
        existing = git(self.work, "branch", "--list", branch)
        git(self.work, "checkout", "--quiet", *(() if existing else ("-b",)), branch)
        new = commit(self.work, files)
        self.push()
        return new

    def tag(self, name: str, *words: str) -> None:
        git(self.work, "tag", *words, name)
        self.push()

    def push(self) -> None:
        git(self.work, "push", "--quiet", "--force", "--all", str(self.bare))
        git(self.work, "push", "--quiet", "--force", "--tags", str(self.bare))


def upstream(mirror: Path, repo: str, files: Mapping[str, str], branch: str = "main") -> Upstream:
    """A repo with one commit on `branch`, its default."""
    upstream = Upstream(mirror, repo, repository(mirror.parent / "developers" / repo, files, branch))
    upstream.bare.parent.mkdir(parents=True, exist_ok=True)
    git(upstream.work, "clone", "--quiet", "--bare", str(upstream.work), str(upstream.bare))
    return upstream


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file of a work tree."""
    found = (path for path in sorted(folder.rglob("*")) if ".git" not in path.parts and path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
