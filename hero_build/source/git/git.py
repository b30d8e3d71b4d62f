"""The door to GitPython: every git that changes a checkout, or may use the network, is started here.

A call ends with its whole process group when the run is interrupted or called off. What git says when it refuses
becomes an error of the tree; see refusals.py.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from hero_build.events import Emit, GitProgress, silent
from hero_build.source.git.credentials import GitAccess, GitCredentials, git_credentials
from hero_build.source.git.paths import Checkout
from hero_build.system import process

if TYPE_CHECKING:
    import git

    from hero_build.system.process import Popen

_PROGRESS = re.compile(r"^(?:remote: )?([A-Z][\w ]*):\s+(\d+)%")
_NO_PROMPT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_EDITOR": "true"}
"""Nobody sits at a prompt that git would put up."""


class Git(Struct, frozen=True):
    """git in `folder`, for a checkout. `cancelled` is asked while it runs: True ends it with process.Cancelled.

    The methods give the lines of stdout, and raise what refusals.py makes of a failure, and MissingTool.
    """

    checkout: Checkout
    folder: Path
    reach: GitAccess
    emit: Emit = silent
    cancelled: Callable[[], bool] | None = None

    def local(self, *words: str) -> list[str]:
        """Without the token."""
        return self._run(words, GitCredentials(()))

    def remote(self, *words: str) -> list[str]:
        """With the token at hand, should the forge ask for it; without hooks."""
        with git_credentials(self.reach) as papers:
            return self._run(words, papers)

    def _run(self, words: tuple[str, ...], papers: GitCredentials) -> list[str]:
        lines: list[str] = []
        handle = _start(self.folder, (*papers.options, *words), papers.descriptors)
        progress = _progress_reporter(self.checkout.repo, self.emit)
        watch = process.OutputWatch(on_line=progress, on_stdout=lines.append, cancelled=self.cancelled)
        done = process.attend(cast("Popen[bytes]", handle.proc), watch)
        if done.code:
            from hero_build.source.git.errors import git_error

            raise git_error(words[0], tail=done.tail, checkout=self.checkout, access=self.reach)
        return lines


def _start(folder: Path, words: tuple[str, ...], descriptors: tuple[int, ...]) -> "git.Git.AutoInterrupt":
    """git through GitPython, as the leader of a process group of its own."""
    program = process.find("git")
    import git  # 80 ms, for those who clone, fetch or switch

    blank = {name: "" for name in process.SECRETS if name in os.environ}
    return git.Git(folder).execute(
        [str(program), *words],
        as_process=True,
        env={**blank, **_NO_PROMPT, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        start_new_session=True,
        pass_fds=descriptors,
    )


def _progress_reporter(repo: str, emit: Emit) -> process.Line:
    """Tells each percent once."""
    last = ("", -1)

    def line(text: str) -> None:
        nonlocal last
        if (match := _PROGRESS.match(text)) and (now := (match[1], int(match[2]))) != last:
            last = now
            emit(GitProgress(repo, *now))

    return line
