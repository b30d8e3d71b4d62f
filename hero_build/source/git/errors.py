"""What git says when it fails, as an error with a way out. git is run with LC_ALL=C, so that it speaks English."""

import re
from collections.abc import Sequence

from hero_build.errors import (
    AuthError,
    CheckoutRefused,
    DiskFull,
    HeroBuildError,
    NetworkError,
    NotWritable,
    RefNotFound,
    RepoNotFound,
)
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.paths import Checkout, without_credentials
from hero_build.source.git.status import unreadable_checkout

_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_LOCK_EXISTS = re.compile(r"Unable to create '(.*\.lock)': File exists")
_OVERWRITES_WORK = re.compile(r"would be overwritten by|would be lost|local changes|Not possible to fast-forward")
_ACCESS_DENIED = re.compile(
    r"Authentication failed|could not read (Username|Password)|(error|code):? 40[13]|Permission denied \(pub"
)
_NOT_FOUND = re.compile(r"repository '.*' not found|does not appear to be a git repository|error: 404|' does not exist")
_UNKNOWN_REF = re.compile(r"couldn't find remote ref|not our ref|unadvertised object")
_NETWORK = re.compile(
    r"Could not resolve host|Failed to connect|Couldn't connect|Connection (refused|reset|timed out)|unable to access"
    r"|Could not read from remote|early EOF|RPC failed|hung up unexpectedly|unexpected disconnect|SSL|too slow"
)
_READ_ONLY = re.compile(r"Permission denied|Read-only file system|unable to (create|write)")
_UNREADABLE = re.compile(
    r"not a git repository|dubious ownership|bad object|object file .* is empty|index file corrupt"
)


def git_error(doing: str, tail: Sequence[str], checkout: Checkout, access: GitAccess) -> HeroBuildError:
    """The error for a git that failed while `doing` (`clone`, `fetch`) and wrote `tail`."""
    text = "\n".join(tail)
    said = without_credentials(_main_line(tail))
    told = f"git cannot {doing} {checkout.repo}: {said}"
    local = _local_error(text, told, checkout)
    if local is not None:
        return local
    where = without_credentials(checkout.url)
    if _UNKNOWN_REF.search(text):
        return RefNotFound(told, "Is it pushed? `git ls-remote` lists what there is.")
    if _ACCESS_DENIED.search(text):
        return AuthError(told, _token_hint(access, where))
    if _NOT_FOUND.search(text):
        return RepoNotFound(f"there is no repository at {where}, or none that may be seen", _token_hint(access, where))
    if _NETWORK.search(text):
        return NetworkError(told, f"Does `git ls-remote {where}` answer? Then run it again.")
    if _UNREADABLE.search(text):
        return unreadable_checkout(checkout.path, tuple(tail))
    return CheckoutRefused(told, f"Run it by hand in {checkout.path} to see more, or move that folder away.")


def _local_error(text: str, told: str, checkout: Checkout) -> HeroBuildError | None:
    """What has nothing to do with the network."""
    if _DISK_FULL.search(text):
        return DiskFull(told, "Free some space, then run it again; nothing was lost.")
    if locked := _LOCK_EXISTS.search(text):
        hint = f"If no git is running there, an earlier one was killed: delete {locked[1]}."
        return CheckoutRefused(f"another git is at work in {checkout.path}", hint)
    if _OVERWRITES_WORK.search(text):
        hint = "Commit or `git stash -u` what is there, or build in another place: CODEROOT=DIR hero-build …"
        return CheckoutRefused(f"work in {checkout.path} is in the way: {told}", hint)
    if _READ_ONLY.search(text) and not _ACCESS_DENIED.search(text):
        return NotWritable(told, f"Make {checkout.path} and its parents writable for this user.")
    return None


def _main_line(tail: Sequence[str]) -> str:
    """The line that tells most: git's own last word, else the last line."""
    marked = [line for line in tail if line.startswith(("fatal: ", "error: "))]
    line = marked[-1] if marked else (tail[-1] if tail else "it does not say why")
    return line.removeprefix("fatal: ").removeprefix("error: ").strip()


def _token_hint(access: GitAccess, where: str) -> str:
    if access.forge.startswith("file:"):
        return (
            f"A mirror carries sources as bare repositories: `git clone --mirror URL {where.removeprefix('file://')}`."
        )
    if access.token is None:
        return "If it is private, put a token that may read it into FORGEJO_TOKEN."
    return "Is the token in FORGEJO_TOKEN still good, and may it read that repository?"
