"""Numbers, names and lists as WebAssembly writes them, read from bytes that may be anything."""

from hero_build.verify.header import Unfit

_NAME_MAX = 1 << 16


class Reader:
    """Reads `raw` from front to back, and raises Unfit where it ends too soon; `what` is what errors call it."""

    def __init__(self, raw: bytes, what: str) -> None:
        self._raw = raw
        self.what = what
        self.position = 0

    def peek(self) -> int:
        if self.position >= len(self._raw):
            raise Unfit(f"is damaged: {self.what} ends too soon")
        return self._raw[self.position]

    def byte(self) -> int:
        value = self.peek()
        self.position += 1
        return value

    def u32(self) -> int:
        return self._unsigned(32)

    def u64(self) -> int:
        return self._unsigned(64)

    def name(self) -> str:
        length = self.u32()
        if length > _NAME_MAX:
            raise Unfit(f"is damaged: {self.what} has a name of {length} bytes")
        raw = self._raw[self.position : self.position + length]
        if len(raw) < length:
            raise Unfit(f"is damaged: {self.what} ends inside a name")
        self.position += length
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise Unfit(f"is damaged: {self.what} has a name that is not UTF-8") from error

    def vector(self) -> range:
        """As many turns as a list has items, each of which takes a byte at least."""
        count = self.u32()
        if count > len(self._raw) - self.position:
            raise Unfit(f"is damaged: {self.what} has fewer items than it says ({count})")
        return range(count)

    def end(self) -> None:
        if self.position != len(self._raw):
            raise Unfit(f"is damaged: {self.what} has more in it than it says")

    def _unsigned(self, bits: int) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> bits or shift > bits + 6:
                raise Unfit(f"is damaged: {self.what} has a number that is too large")
            if not byte & 0x80:
                return value
