"""Who may use the cockpit: the browser that opened a one-time address, for thirty days.

An address has a token that works once; a new address replaces one that was not used. A session is a cookie. Only
digests are stored, in `<root>/var/hero_build/cockpit/access.json`, mode 0600, so that a session outlives the server.
What counts is what is stored: nobody is signed in or out, and no token is used up, while that file cannot be written.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from hero_build.install.layout import Root
from hero_build.os_errors import machine_errors, raise_for_access
from hero_build.system.decoding import decode_json

SESSION_SECONDS = 30 * 24 * 3600
_MOST_SESSIONS = 32
_FAILURES = 10
"""Wrong tokens within _WINDOW, after which none is accepted for as long."""
_WINDOW = 60.0  # seconds
_LARGEST_FILE = 1 << 16  # bytes


class StoredSession(Struct, frozen=True):
    digest: str
    started: float


class StoredAccess(Struct, frozen=True):
    """The file: digests (SHA-256) of the token of the last address, if it was not used, and of the sessions."""

    token: str = ""
    sessions: tuple[StoredSession, ...] = ()


class TooManyTries(Exception):
    """Too many wrong tokens; `seconds` until the next may be tried."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many wrong addresses; wait {seconds} s")
        self.seconds = seconds


class CockpitAccess:
    """Used in the event loop's thread only. `clock` is time.time. Raises MachineError where the file cannot be read."""

    def __init__(self, root: Root, clock: Callable[[], float] = time.time) -> None:
        self._path = root.state / "cockpit" / "access.json"
        self._clock = clock
        self._stored = _read(self._path)
        self._failures: list[float] = []

    def new_token(self) -> str:
        """A token that works once; the last one does not work any more. Raises MachineError."""
        token = secrets.token_urlsafe(32)
        self._store(StoredAccess(_digest(token), self._stored.sessions))
        return token

    def redeem(self, token: str) -> str | None:
        """The session of a token, which does not work any more; None for a wrong one.

        Raises TooManyTries, MachineError.
        """
        now = self._clock()
        self._failures = [moment for moment in self._failures if now - moment < _WINDOW]
        if len(self._failures) >= _FAILURES:
            raise TooManyTries(int(_WINDOW - (now - self._failures[0])) + 1)
        if not self._stored.token or not hmac.compare_digest(_digest(token), self._stored.token):
            self._failures.append(now)
            return None
        session = secrets.token_urlsafe(32)
        others = [item for item in self._stored.sessions if not self._expired(item)]
        started = StoredSession(_digest(session), now)
        self._store(StoredAccess("", (*others, started)[-_MOST_SESSIONS:]))
        return session

    def knows(self, session: str) -> bool:
        digest = _digest(session)
        matches = [
            hmac.compare_digest(digest, item.digest) for item in self._stored.sessions if not self._expired(item)
        ]
        return any(matches)

    def end(self, session: str) -> None:
        """Sign out. Raises MachineError."""
        digest = _digest(session)
        rest = tuple(item for item in self._stored.sessions if not hmac.compare_digest(digest, item.digest))
        self._store(StoredAccess(self._stored.token, rest))

    def _expired(self, item: StoredSession) -> bool:
        return not 0 <= self._clock() - item.started < SESSION_SECONDS

    def _store(self, access: StoredAccess) -> None:
        folder = self._path.parent
        with machine_errors(self._path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            fresh = self._path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(msgspec.json.encode(access) + b"\n")
            fresh.replace(self._path)
        self._stored = access


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _read(path: Path) -> StoredAccess:
    """Nothing where the file is absent, damaged or a link, or where another user may have written or read
    it: everybody signs in again. What the machine cannot read may be whole: raises MachineError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                return StoredAccess()
            return decode_json(file.read(_LARGEST_FILE), kind=StoredAccess)
    except OSError as error:
        raise_for_access(error, path)
        return StoredAccess()
    except (ValueError, RecursionError):
        return StoredAccess()
