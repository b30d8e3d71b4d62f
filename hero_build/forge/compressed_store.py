"""Fetches what is in the `_store` of a mirror behind a web server compressed, where it is there compressed, too."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import AssetNotFound, AuthError, ChecksumMismatch
from hero_build.events import Emit, WarningRaised, silent
from hero_build.forge.content_store import ZST, may_compress
from hero_build.forge.mirror_layout import STORE
from hero_build.forge.protocol import Body, Forge, Ref
from hero_build.model.steps import Asset, Release
from hero_build.system import zstd

_DAMAGED = "Write the mirror again with `hero-build mirror`: it replaces what is damaged."


class CompressedStore:
    """A Forge over `inner`. A download begins with the compressed content, and one that broke off goes on with the
    other, which can begin at any byte. What was compressed is checked like any other file: its size while it arrives,
    its digest in the end.
    """

    def __init__(self, inner: Forge, emit: Emit = silent) -> None:
        self._inner = inner
        self._emit = emit
        self._opened: set[str] = set()  # digests; another attempt needs what can go on at any byte
        self._ended: set[str] = set()  # of these, what came to its end, or cannot be decompressed

    @property
    def url(self) -> str:
        return self._inner.url

    def find(self, ref: Ref) -> Release:
        return self._inner.find(ref)

    @contextmanager
    def open(self, asset: Asset, start: int = 0) -> Iterator[Body]:
        with ExitStack() as stack:
            if asset.sha256 is None or not asset.url.endswith(f"/{STORE}/{asset.sha256}"):
                yield stack.enter_context(self._inner.open(asset, start))
                return
            body = self._compressed(asset, asset.sha256, stack) if start == 0 else None
            if body is None and start == 0 and asset.sha256 in self._ended:
                self._ended.discard(asset.sha256)
                reason = f"the compressed {asset.name} in the mirror is damaged: it is downloaded as it is"
                self._emit(WarningRaised(reason, _DAMAGED))
            yield body or _stored(stack.enter_context(self._inner.open(asset, start)), asset.sha256)

    def _compressed(self, asset: Asset, sha256: str, stack: ExitStack) -> Body | None:
        if sha256 in self._opened or asset.size is None or not may_compress(asset.name, asset.size):
            return None
        try:
            body = stack.enter_context(self._inner.open(replace(asset, url=asset.url + ZST, size=None)))
        except (AssetNotFound, AuthError):  # it is there only where it is smaller; a storage answers 403 for the others
            return None
        self._opened.add(sha256)
        total, ended = asset.size, partial(self._ended.add, sha256)
        return _Decompressed(0, total=total, identity=sha256, name=asset.name, packed=body, ended=ended)


class _Stored(Struct, frozen=True):
    """The identity is the digest that the content must have: parts of it fit together wherever they come from."""

    start: int
    total: int | None
    identity: str
    body: Body

    def chunks(self) -> Iterator[bytes | memoryview]:
        return self.body.chunks()


def _stored(body: Body, sha256: str) -> _Stored:
    return _Stored(body.start, total=body.total, identity=sha256, body=body)


class _Decompressed(Struct, frozen=True):
    start: int
    total: int
    identity: str
    name: str
    packed: Body
    ended: Callable[[], None]

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Raises ChecksumMismatch for what is not Zstandard."""
        try:
            yield from zstd.decompressed(self.packed.chunks())
            self.ended()  # what asks for the content again has found it to be another one
        except zstd.InvalidZstd as error:
            self.ended()
            raise ChecksumMismatch(f"the compressed {self.name} in the mirror is damaged: {error}", _DAMAGED) from error
