"""How git reaches a forge and receives the token: from a memory file that its credential helper reads.

The token is in an anonymous, sealed memory file whose descriptor git and its helper inherit (memfd_create(2)). It is
in no file, URL, argument or environment variable; git asks the helper for the forge's own origin only, and the user's
other helpers are off for it, so none can store it (gitcredentials(7): an empty helper clears the list).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.settings import Secret, Settings
from hero_build.system.token import SealedSecret


class GitAccess(Struct, frozen=True):
    """What git may use.

    forge: its origin is where `token` may go. plain_http: hosts that may receive it over http. stall: seconds after
    which a silent connection is closed. depth: commits of history that a clone fetches (None: all).
    """

    forge: str
    token: Secret | None = None
    plain_http: tuple[str, ...] = ()
    stall: float = 30.0
    depth: int | None = None


class GitCredentials(Struct, frozen=True):
    """For a git that may use the network: its options, and the descriptors it inherits."""

    options: tuple[str, ...]
    descriptors: tuple[int, ...] = ()


def git_access(settings: Settings, depth: int | None = None) -> GitAccess:
    return GitAccess(
        settings.forge, token=settings.token, plain_http=settings.plain_http, stall=settings.stall, depth=depth
    )


@contextmanager
def git_credentials(access: GitAccess) -> Iterator[GitCredentials]:
    """For one call of git. Raises UsageError for a token that does not fit into an HTTP header."""
    options = _network_options(access)
    if access.token is None or not _token_allowed(access):
        yield GitCredentials(options)
        return
    descriptor = _token_file(access.token)
    try:
        yield GitCredentials((*options, *_helper_options(_origin(access.forge), descriptor)), (descriptor,))
    finally:
        os.close(descriptor)


def _network_options(access: GitAccess) -> tuple[str, ...]:
    """Options that keep the descriptor from hooks and fsmonitor, and close a silent connection."""
    pairs = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false"]
    pairs += ["http.lowSpeedLimit=1", f"http.lowSpeedTime={max(1, round(access.stall))}"]
    if access.forge.startswith("file:"):
        pairs.append("protocol.file.allow=always")  # for the submodules in a mirror
    elif _is_loopback(access.forge):
        pairs.append(f"http.{_origin(access.forge)}.proxy=")
    return tuple(word for pair in pairs for word in ("-c", pair))


def _helper_options(origin: str, descriptor: int) -> tuple[str, ...]:
    answer = f"echo username=hero-build && printf password= && cat </proc/self/fd/{descriptor}"
    script = f'!f() {{ test "$1" = get && {answer}; }}; f'
    name = f"credential.{origin}.helper"
    return "-c", f"{name}=", "-c", f"{name}={script}"


def _token_file(token: Secret) -> int:
    """The descriptor of a sealed file with the token; one that is sealed already is not read here."""
    if isinstance(token, SealedSecret):
        return os.dup(token.descriptor)
    if not token.valid:
        raise UsageError(
            "the token in FORGEJO_TOKEN has characters that a token cannot have", "Copy the whole token again."
        )
    from hero_build.system.secrets import sealed_file  # for a token that git gets

    return sealed_file(token.reveal())


def _origin(forge: str) -> str:
    parts = urlsplit(forge)
    return f"{parts.scheme}://{parts.netloc}"


def _token_allowed(access: GitAccess) -> bool:
    """Whether the token may be sent to the forge, by the same rule as for downloads."""
    if not access.forge.startswith(("https://", "http://")):
        return False
    from hero_build.forge import url_policy

    return url_policy.may_send_token(url_policy.parse_url(access.forge, "the forge"), access.plain_http)


def _is_loopback(forge: str) -> bool:
    from hero_build.forge import url_policy

    return url_policy.is_loopback(urlsplit(forge).hostname or "")
