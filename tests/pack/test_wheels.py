"""The wheels that packs are made of, which another command may want to free."""

import os
import shutil
from pathlib import Path

import pytest

from hero_build.install.disk_usage import KeptFolder
from hero_build.install.free_space import Freed, free_cache
from hero_build.pack import tool_source, wheels
from hero_build.pack.completeness import check_complete
from hero_build.pack.starter import PYTHONS
from support import packs

pytestmark = pytest.mark.timeout(1800)
"""The first pack of all may have to fetch wheels."""


def test_wheels_stay_while_a_pack_is_made_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for python in PYTHONS:
        wheels.download(packs.CACHE, python)
    shutil.copytree(packs.CACHE / "wheels", tmp_path / "wheels", copy_function=os.link)
    freed: list[Freed] = []

    def free(*words: object) -> None:
        freed.extend(free_cache(tmp_path, dry_run=False))
        check_complete(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(tool_source, "check_complete", free)
    assert tool_source.tool_files(tmp_path)
    assert freed == [KeptFolder(str(tmp_path / "wheels"), "a pack is made of it")]
    free_cache(tmp_path, dry_run=False)
    assert list((tmp_path / "wheels").iterdir()) == []
