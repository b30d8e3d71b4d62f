"""Contents of a pack, and of a mirror in a folder: all bytes, from any of them on, in buffers of whole pages."""

import ctypes
import hashlib
import mmap
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hero_build.forge.mirror import Mirror
from hero_build.forge.pack_contents import PackContents
from hero_build.forge.protocol import Forge, Ref
from hero_build.model.steps import Asset
from support import mirrors

CONTENT = os.urandom((2 << 20) + 5)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def pack(folder: Path) -> tuple[Forge, Asset]:
    with zipfile.ZipFile(folder / "pack.pyz", "w") as archive:
        archive.writestr("odd", b"1")
        archive.writestr(f"_store/{SHA256}", CONTENT)
    return PackContents(folder / "pack.pyz"), Asset("app", "", sha256=SHA256)


def mirror(folder: Path) -> tuple[Forge, Asset]:
    mirrors.release(folder / "mirror", app="app", tag="v1", files={"app": CONTENT})
    forge = Mirror((folder / "mirror").as_uri())
    (asset,) = [item for item in forge.find(Ref("o/app", "v1")).assets if item.name == "app"]
    return forge, asset


@pytest.mark.parametrize("place", [pack, mirror])
@pytest.mark.parametrize("start", [0, 1, 1 << 20, len(CONTENT)])
def test_all_bytes_in_whole_pages(place: Callable[[Path], tuple[Forge, Asset]], tmp_path: Path, start: int) -> None:
    """The kernel writes past the page cache from such buffers alone (`FileWriter`)."""
    forge, asset = place(tmp_path)
    received = b""
    with forge.open(asset, start) as body:
        assert (body.start, body.total) == (start, len(CONTENT))
        for chunk in body.chunks():
            assert ctypes.addressof(ctypes.c_char.from_buffer(chunk)) % mmap.PAGESIZE == 0
            received += chunk
    assert received == CONTENT[start:]
