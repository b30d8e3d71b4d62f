"""Zstandard: what was compressed comes back, in bounded chunks, and damage is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.system import zstd

MIB = 1 << 20


def packed(folder: Path, content: bytes) -> bytes:
    (folder / "plain").write_bytes(content)
    size = zstd.compress(folder / "plain", folder / "packed")
    data = (folder / "packed").read_bytes()
    (folder / "packed").unlink()
    assert len(data) == size
    return data


def pieces(data: bytes, size: int) -> Iterator[memoryview]:
    return (memoryview(data)[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)) * 20_000, b"x" * (3 * MIB)])
@pytest.mark.parametrize("size", [1000, MIB])
def test_what_was_compressed_comes_back(tmp_path: Path, content: bytes, size: int) -> None:
    assert b"".join(zstd.decompressed(pieces(packed(tmp_path, content), size))) == content


def test_a_bomb_comes_in_small_chunks(tmp_path: Path) -> None:
    data = packed(tmp_path, bytes(32 * MIB))
    assert len(data) < MIB
    chunks = zstd.decompressed([data])
    assert [len(next(chunks)) <= MIB for _ in range(3)] == [True] * 3, "the caller can stop at any time"


@pytest.mark.parametrize("damage", ["no frame", "a byte", "more after it", "a second frame"])
def test_damage_is_refused(tmp_path: Path, damage: str) -> None:
    data = packed(tmp_path, bytes(range(256)) * 4000)
    broken = {
        "no frame": b"<html>" + data,
        "a byte": data[:3] + bytes([data[3] ^ 1]) + data[4:],
        "more after it": data + b"!",
        "a second frame": data + data,
    }[damage]
    for size in (MIB, len(data)):
        with pytest.raises(zstd.InvalidZstd):
            b"".join(zstd.decompressed(pieces(broken, size)))


def test_a_frame_that_is_cut_short_ends_early(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    data = packed(tmp_path, content)
    assert content.startswith(b"".join(zstd.decompressed([data[:-20]])))
