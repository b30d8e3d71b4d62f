"""Signatures of SHA256SUMS in minisign's format (jedisct1.github.io/minisign): one covers all assets of a release.

The key comes from a file or the environment, never from the command line, which every user of a machine can read.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from hero_build.errors import MissingTool, UsageError
from hero_build.os_errors import raise_for_machine
from hero_build.verify.minisign import verifies

if TYPE_CHECKING:
    import minisign

KEY_VARIABLE, KEY_FILE_VARIABLE, PASSWORD_VARIABLE = (
    "HERO_MINISIGN_KEY",
    "HERO_MINISIGN_KEY_FILE",
    "HERO_MINISIGN_PASSWORD",
)
NO_MINISIGN = ("signatures need py-minisign", "Install it beside hero-build: `pipx inject hero-build py-minisign`.")
"""What is missing, and the hint."""
_KEY_FORMAT = "It must be a secret key as `minisign -G` writes it; docs/keys.md explains how to make one."


class Signer:
    """Holds a secret key, and never prints it."""

    __slots__ = ("_key",)

    def __init__(self, key: "minisign.SecretKey") -> None:
        self._key = key

    def sign(self, content: bytes, comment: str) -> bytes:
        """The signature file for `content`. `comment` is signed with it: `minisign -V` shows it."""
        untrusted = "signature from hero-build"
        return bytes(self._key.sign(content, trusted_comment=comment, untrusted_comment=untrusted))

    def has_signed(self, signature: bytes, content: bytes) -> bool:
        """Whether `signature` is this key's for `content`."""
        return verifies(signature, content, self.public_key)

    @property
    def public_key(self) -> str:
        """The public key as one line of base64, as `minisign -P` takes it."""
        return str(self._key.get_public_key().to_base64().decode()).strip().splitlines()[-1]


def read_signer(file: Path | None, environ: MutableMapping[str, str]) -> Signer | None:
    """The key in `file`, else the one in the environment. Its variables are removed from `environ`, so that no child
    process sees them.

    None without a key. Raises UsageError for an invalid key or a wrong password; MissingTool if there is a key but
    py-minisign is not installed.
    """
    text, path = environ.pop(KEY_VARIABLE, ""), environ.pop(KEY_FILE_VARIABLE, "")
    password = environ.pop(PASSWORD_VARIABLE, None)
    file = file or (Path(path) if path and not text else None)
    if file is None and not text.strip():
        return None
    _require_minisign()
    where = str(file) if file is not None else KEY_VARIABLE
    return Signer(_open_key(_read_key_file(file) if file is not None else text.strip().encode(), password, where))


def _open_key(content: bytes, password: str | None, where: str) -> "minisign.SecretKey":
    import minisign

    try:
        key = minisign.SecretKey.from_bytes(content) if b"\n" in content else minisign.SecretKey.from_base64(content)
    except (minisign.Error, ValueError, IndexError) as error:
        raise UsageError(f"{where} does not hold a minisign secret key", _KEY_FORMAT) from error
    if key.is_encrypted():
        if password is None:
            raise UsageError(f"the key in {where} needs a password", f"Put it into {PASSWORD_VARIABLE}.")
        try:
            key.decrypt(password)
        except (minisign.Error, ValueError) as error:
            raise UsageError(
                f"{PASSWORD_VARIABLE} does not open the key in {where}", "Set it to the password of that key."
            ) from error
    return key


def _read_key_file(file: Path) -> bytes:
    try:
        if file.stat().st_mode & 0o077 and file.stat().st_uid == os.getuid():
            hint = f"Keep it to yourself: `chmod 600 {file}`."
            raise UsageError(f"others can read the secret key {file}", hint)
        return file.read_bytes()
    except OSError as error:
        raise_for_machine(error, file)
        raise UsageError(f"the key {file} cannot be read: {error.strerror}", "Name another file.") from error


def _require_minisign() -> None:
    import importlib.util

    if importlib.util.find_spec("minisign") is None:
        raise MissingTool(*NO_MINISIGN)
