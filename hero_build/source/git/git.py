"""Runs git through GitPython: every git that changes a checkout, or may use the network, starts here.

When the run is interrupted or cancelled, the whole process group of a git ends. A failure becomes an error of
hero_build.errors; see git/errors.py.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct
from msgspec.structs import replace

from hero_build.events import Emit, GitProgress, WarningRaised, silent
from hero_build.source.git.credentials import GitAccess, GitCredentials, git_credentials
from hero_build.source.git.paths import Checkout
from hero_build.source.git.redirects import redirecting_settings
from hero_build.system import process
from hero_build.system.environment import SECRETS

if TYPE_CHECKING:
    import git

    from hero_build.system.process import Popen

_PROGRESS = re.compile(r"^(?:remote: )?([A-Z][\w ]*):\s+(\d+)%")
_NO_PROMPT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_EDITOR": "true"}
"""git never prompts."""


class Git(Struct, frozen=True):
    """git in `folder`, for a checkout. `cancelled` is polled while it runs: True ends it with process.Cancelled.

    The methods return the lines of stdout. They raise the errors of git/errors.py, and MissingTool.
    """

    checkout: Checkout
    folder: Path
    access: GitAccess
    emit: Emit = silent
    cancelled: Callable[[], bool] | None = None

    def local(self, *words: str) -> list[str]:
        """Run git without the token."""
        return self._run(words, GitCredentials(()))

    def remote(self, *words: str) -> list[str]:
        """Run git with the token, for a forge that asks for it; without hooks.

        The token is withheld, with a warning, where the checkout's own configuration may redirect the call.
        """
        with git_credentials(self._trusted_access()) as credentials:
            return self._run(words, credentials)

    def _trusted_access(self) -> GitAccess:
        settings = redirecting_settings(self.folder) if self.access.token is not None else ()
        if not settings:
            return self.access
        sentence = f"the token is withheld from git in {self.folder}: its configuration sets {', '.join(settings)}"
        self.emit(WarningRaised(sentence))
        return replace(self.access, token=None)

    def _run(self, words: tuple[str, ...], credentials: GitCredentials) -> list[str]:
        lines: list[str] = []
        progress = _progress_reporter(self.checkout.repo, self.emit)
        watch = process.OutputWatch(on_line=progress, on_stdout=lines.append, cancelled=self.cancelled)
        with process.announced(watch):
            handle = _start(self.folder, (*credentials.options, *words), credentials.descriptors)
            result = process.attend(cast("Popen[bytes]", handle.proc), watch)
        if result.code:
            from hero_build.source.git.errors import git_error

            raise git_error(_action(words), tail=result.tail, checkout=self.checkout, access=self.access)
        return lines


def _action(words: tuple[str, ...]) -> str:
    """The git command of a call, after its options (`-c NAME=VALUE`)."""
    return words[0] if words[0] != "-c" else _action(words[2:])


def _start(folder: Path, words: tuple[str, ...], descriptors: tuple[int, ...]) -> "git.Git.AutoInterrupt":
    """git through GitPython, as the leader of a process group of its own."""
    program = process.find("git")
    import git  # 80 ms, only for a clone, fetch or switch

    no_tokens = {name: "" for name in SECRETS if name in os.environ}
    return git.Git(folder).execute(
        [str(program), *words],
        as_process=True,
        env={**no_tokens, **_NO_PROMPT, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        start_new_session=True,
        pass_fds=descriptors,
    )


def _progress_reporter(repo: str, emit: Emit) -> process.Line:
    """Emits each percentage once."""
    last = ("", -1)

    def line(text: str) -> None:
        nonlocal last
        if (match := _PROGRESS.match(text)) and (now := (match[1], int(match[2]))) != last:
            last = now
            emit(GitProgress(repo, *now))

    return line
