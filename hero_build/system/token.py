"""The forge's token: a value that no output shows, in memory or in a sealed file."""

import os

_REDACTED, _SHORTEST = b"***", 8  # bytes: a shorter one may be a word of any text


class Secret:
    """A token: never printed, compared or hashed; `reveal()` is for the one header it goes into."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def redact(self, text: bytes) -> bytes:
        """What a server sent, without the token that was sent to it."""
        value = self.reveal().encode()
        return text.replace(value, _REDACTED) if len(value) >= _SHORTEST else text

    @property
    def valid(self) -> bool:
        """Whether it is one printable word: anything else breaks the header, and the error about that may quote it."""
        return bool(self._value) and all("!" <= letter <= "~" for letter in self._value)

    def __repr__(self) -> str:
        return "Secret(…)"


class SealedSecret(Secret):
    """A valid token that this process has not read before `reveal`; `descriptor`: its file (system/secrets.py)."""

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int) -> None:
        super().__init__("")
        self.descriptor = descriptor

    def reveal(self) -> str:
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0).decode().strip()

    @property
    def valid(self) -> bool:
        return True
