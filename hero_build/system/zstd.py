"""Zstandard (RFC 8878), by `compression.zstd` of Python 3.14 or its backport; imported when first used."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_CHUNK = 1 << 20
LEVEL = 9
"""73 MB/s and 23 % of a stripped Rust program; level 19 takes thirty times as long for 19 %."""


class InvalidZstd(Exception):
    """The data is not one Zstandard frame, or it is damaged."""


def compress(source: Path, target: Path) -> int:
    """Write `source` as one frame, with a checksum, to the new file `target`; its size in bytes. Raises OSError."""
    if sys.version_info >= (3, 14):
        from compression.zstd import CompressionParameter, ZstdCompressor
    else:
        from backports.zstd import CompressionParameter, ZstdCompressor

    options: dict[int, int] = {CompressionParameter.compression_level: LEVEL, CompressionParameter.checksum_flag: 1}
    compressor = ZstdCompressor(options=options)
    with source.open("rb") as original, target.open("xb") as packed:
        while chunk := original.read(_CHUNK):
            packed.write(compressor.compress(chunk))
        packed.write(compressor.flush())
        return packed.tell()


def decompressed(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The content of one frame, in chunks of at most 1 MiB, however much it expands to; it ends early where the frame
    does. Raises InvalidZstd.
    """
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor, ZstdError
    else:
        from backports.zstd import ZstdDecompressor, ZstdError

    decoder = ZstdDecompressor()
    for chunk in chunks:
        data = bytes(chunk)
        if decoder.eof:
            raise InvalidZstd("there is data after its end")
        try:
            while piece := decoder.decompress(data, _CHUNK):
                yield piece
                data = b""
                if decoder.eof or decoder.needs_input:
                    break
        except ZstdError as error:
            raise InvalidZstd(str(error)) from error
        if decoder.unused_data:
            raise InvalidZstd("there is data after its end")
