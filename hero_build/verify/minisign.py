"""Verify signatures in minisign's format (jedisct1.github.io/minisign): of the content, and of the trusted comment."""

import binascii
import hashlib
from base64 import b64decode

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.verify import ed25519

_PLAIN, _PREHASHED = b"Ed", b"ED"
_TRUSTED = b"trusted comment: "
_ALGORITHM, _KEY_ID = slice(0, 2), slice(2, 10)
_KEY_LENGTH, _SIGNATURE_LENGTH, _GLOBAL_LENGTH = 42, 74, 64  # algorithm, id of the key, and 32 or 64 bytes; 64 bytes


class PublicKey(Struct, frozen=True):
    key_id: bytes
    key: bytes


class DetachedSignature(Struct, frozen=True):
    """A `.minisig` file. `by_comment`: the signature of this signature and the trusted comment."""

    prehashed: bool
    key_id: bytes
    signature: bytes
    comment: bytes
    by_comment: bytes


def verifies(signature: bytes, content: bytes, public: str) -> bool:
    """Whether `signature` is one of `content` by the key of `public` (base64, or the text of a public key file).
    Raises UsageError for an invalid public key.
    """
    key = read_public_key(public)
    given = _read_signature(signature)
    if given is None or given.key_id != key.key_id:
        return False
    signed = hashlib.blake2b(content).digest() if given.prehashed else content
    return ed25519.is_valid(given.signature, signed, key.key) and ed25519.is_valid(
        given.by_comment, given.signature + given.comment, key.key
    )


def read_public_key(text: str) -> PublicKey:
    """Raises UsageError."""
    lines = text.strip().encode(errors="replace").splitlines()
    data = _bytes(lines[-1], _KEY_LENGTH) if lines else None
    if data is None or data[_ALGORITHM] != _PLAIN:
        raise UsageError("not a minisign public key", "It is the second line of the .pub file.")
    return PublicKey(data[_KEY_ID], data[10:])


def _read_signature(content: bytes) -> DetachedSignature | None:
    lines = content.splitlines()
    if len(lines) != 4 or not lines[2].startswith(_TRUSTED):
        return None
    first, last = _bytes(lines[1], _SIGNATURE_LENGTH), _bytes(lines[3], _GLOBAL_LENGTH)
    if first is None or last is None or first[_ALGORITHM] not in (_PLAIN, _PREHASHED):
        return None
    comment = lines[2].removeprefix(_TRUSTED)
    return DetachedSignature(
        first[_ALGORITHM] == _PREHASHED,
        key_id=first[_KEY_ID],
        signature=first[10:],
        comment=comment,
        by_comment=last,
    )


def _bytes(line: bytes, length: int) -> bytes | None:
    try:
        data = b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == length else None
