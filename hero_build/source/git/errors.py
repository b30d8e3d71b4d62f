"""Turns the output of a failed git into an error with a hint. git runs with LC_ALL=C, so its output is English."""

import os
import re
from collections.abc import Mapping, Sequence

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
from hero_build.source.git.paths import STATE_FOLDER, Checkout, without_credentials
from hero_build.source.git.status import unreadable_checkout

_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_LOCK_EXISTS = re.compile(r"Unable to create '(.*\.lock)': File exists")
_OVERWRITES_WORK = re.compile(
    r"would be overwritten by|would be lost|local changes|Not possible to fast-forward|Please (move|commit)"
)
_ACCESS_DENIED = re.compile(
    r"Authentication (?:failed|required)|Authorization error"
    r"|could not read (Username|Password)|(error|code):? 40[13]|Permission denied \(pub"
)
_NOT_FOUND = re.compile(r"repository '.*' not found|does not appear to be a git repository|error: 404|' does not exist")
_UNKNOWN_REF = re.compile(r"couldn't find remote ref|not our ref|unadvertised object")
_NETWORK = re.compile(
    r"Could not resolve host|Failed to connect|Couldn't connect|Connection (refused|reset|timed out)|unable to access"
    r"|Could not read from remote|early EOF|RPC failed|hung up unexpectedly|unexpected disconnect|SSL|too slow"
)
_FROM_PROXY = re.compile(r"\bproxy\b|CONNECT tunnel", re.IGNORECASE)
_UNTRUSTED = re.compile(r"certificate (problem|verif|subject)|(peer|issuer) certificate")
_READ_ONLY = re.compile(r"Permission denied|Read-only file system|unable to (create|write)")
_UNREADABLE = re.compile(
    r"not a git repository|dubious ownership|bad object|object file .* is empty|index file corrupt"
)


_SUBMODULE = re.compile(r"clone of '(?P<url>[^']+)' into submodule path '(?P<path>[^']+)' failed")


def git_error(action: str, tail: Sequence[str], checkout: Checkout, access: GitAccess) -> HeroBuildError:
    """The error for a git that failed at an `action` (`clone`, `fetch`); `tail` is the end of its output."""
    tail = [_redacted(line, access) for line in tail]
    text = "\n".join(tail)
    submodule = _SUBMODULE.search(text)
    what = f"the submodule {_in_checkout(submodule['path'])} of {checkout.repo}" if submodule else checkout.repo
    sentence = f"git cannot {'clone' if submodule else action} {what}: {without_credentials(_main_line(tail))}"
    local = _local_error(text, sentence, checkout)
    if local is not None:
        return local
    url = without_credentials(submodule["url"] if submodule else checkout.url)
    if _UNKNOWN_REF.search(text):
        return RefNotFound(sentence, "Is it pushed? `git ls-remote` lists the refs of the server.")
    if _FROM_PROXY.search(text):
        return NetworkError(sentence, _proxy_hint(url))
    if _ACCESS_DENIED.search(text):
        return AuthError(sentence, _token_hint(access, url))
    if _NOT_FOUND.search(text):
        return RepoNotFound(f"no repository at {url}, or no permission to read it", _token_hint(access, url))
    if _UNTRUSTED.search(text):
        return NetworkError(sentence, _certificate_hint(os.environ))
    if _NETWORK.search(text):
        return NetworkError(sentence, f"Does `git ls-remote {url}` answer? Then run the command again.")
    if _UNREADABLE.search(text) and checkout.path.exists():
        return unreadable_checkout(checkout.path, tuple(tail))
    if submodule or not checkout.path.exists():  # a clone that failed is deleted
        return CheckoutRefused(sentence, f"Run `git clone {url}` by hand to see more.")
    return CheckoutRefused(sentence, f"Run git by hand in {checkout.path} to see more, or move that folder away.")


def _local_error(text: str, sentence: str, checkout: Checkout) -> HeroBuildError | None:
    """The error where the network is not the cause."""
    if _DISK_FULL.search(text):
        return DiskFull(sentence, "Free some space, then run the command again; nothing was lost.")
    locked = _LOCK_EXISTS.search(text)
    if locked and checkout.path.exists():
        hint = f"If no git is running there, an earlier one was killed: delete {locked[1]}."
        return CheckoutRefused(f"another git is running in {checkout.path}", hint)
    if _OVERWRITES_WORK.search(text):
        files = [line.strip() for line in text.split("\n") if line.startswith("\t")]
        if files and "untracked" in text:
            hint = "Move them away or commit them, or build in another checkout: CODEROOT=DIR hero-build …"
            return CheckoutRefused(f"files in {checkout.path} are in the way: {', '.join(files)}", hint)
        reason = ", ".join(files) or sentence
        hint = "Commit the work or `git stash -u` it, or build in another checkout: CODEROOT=DIR hero-build …"
        return CheckoutRefused(f"uncommitted work in {checkout.path} is in the way: {reason}", hint)
    if _READ_ONLY.search(text) and not _ACCESS_DENIED.search(text):
        folder = next(path for path in (checkout.path, *checkout.path.parents) if path.exists())
        return NotWritable(sentence, f"Make {folder} and its parents writable for this user.")
    return None


def _in_checkout(path: str) -> str:
    """The path of a submodule as the checkout has it: git prints it below the folder of an unfinished clone."""
    _, _, inside = path.partition(f"/{STATE_FOLDER}/")
    return inside.split("/", 2)[2] if inside.count("/") > 1 else path


def _main_line(tail: Sequence[str]) -> str:
    """git's last `fatal:` or `error:` line (of a submodule: the one that says why), else the last line."""
    marked = [line for line in tail if line.startswith(("fatal: ", "error: ")) and not _SUBMODULE.search(line)]
    line = marked[-1] if marked else (tail[-1] if tail else "no reason given")
    return line.removeprefix("fatal: ").removeprefix("error: ").strip()


def _proxy_hint(url: str) -> str:
    from hero_build.forge.proxies import proxy_name  # only after a failure
    from hero_build.forge.url import Url

    proxy = proxy_name(Url(url)) if url.startswith(("http://", "https://")) else None
    which = f"The proxy for it is {proxy}: check" if proxy else "Check"
    return f"{which} http_proxy, https_proxy and no_proxy in the environment, and git's own http.proxy."


_SYSTEM_FOLDER = "/etc/ssl/certs"  # git reads it, too


def _certificate_hint(environ: Mapping[str, str]) -> str:
    """git is not hero-build: SSL_CERT_FILE and SSL_CERT_DIR, which Python reads, mean nothing to most builds of it."""
    for ours, gits in (("SSL_CERT_FILE", "GIT_SSL_CAINFO"), ("SSL_CERT_DIR", "GIT_SSL_CAPATH")):
        if (path := environ.get(ours, "")) not in ("", _SYSTEM_FOLDER) and not environ.get(gits):
            return f"git does not read {ours}: set {gits}={path}, too."
    return "Check this machine's clock and certificates; GIT_SSL_CAINFO may name the file of a private authority."


def _redacted(line: str, access: GitAccess) -> str:
    """A line of git, or of a server through git, without the token."""
    if access.token is None:
        return line
    return access.token.redact(line.encode(errors="surrogateescape")).decode(errors="surrogateescape")


def _token_hint(access: GitAccess, url: str) -> str:
    if access.forge.startswith("file:"):
        return f"A mirror has sources as bare repositories: `git clone --mirror URL {url.removeprefix('file://')}`."
    if access.token is None:
        return "If it is private, set FORGEJO_TOKEN to a token that may read it."
    return "Is the token in FORGEJO_TOKEN still valid, and may it read that repository?"
