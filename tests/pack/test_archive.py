"""The file of a pack: what would not start is not written."""

import os
from pathlib import Path

import pytest

from hero_build.errors import Unsupported
from hero_build.pack.archive import PackParts, write


def test_a_pack_that_python_could_not_start(tmp_path: Path) -> None:
    contents = {}
    for number in range(5):
        path = tmp_path / f"content{number}"
        path.touch()
        os.truncate(path, 1 << 30)  # takes no space
        contents[f"{number:064}"] = path
    (folder := tmp_path / "stick").mkdir()
    with pytest.raises(Unsupported, match=r"would have 5\.4 GB: Python before 3\.13 starts no pack of 4 GiB or more"):
        write(folder / "large.pyz", PackParts({}, contents))
    assert list(folder.iterdir()) == []
