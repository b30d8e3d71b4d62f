"""SHA-256 of little data without OpenSSL, which takes 2.5 ms to load: as long as Python's own needs for 400 kB."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import _Hash

LITTLE = 128 << 10
"""Bytes up to which Python's own is used."""


def hasher(size: int | None) -> "_Hash":
    """A new hash for that many bytes (None: unknown)."""
    if size is not None and size <= LITTLE:
        return _of_python()
    import hashlib

    return hashlib.sha256()


def sha256_of(data: bytes) -> str:
    """The digest, in small letters."""
    whole = hasher(len(data))
    whole.update(data)
    return whole.hexdigest()


def _of_python() -> "_Hash":
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]
    except ImportError:  # a Python that was built with OpenSSL's alone
        from hashlib import sha256
    return sha256()  # type: ignore[no-any-return, unused-ignore]
