"""axe-core, Deque's accessibility checks for a page: one file of JavaScript, downloaded once with npm into cache/."""

import fcntl
import functools
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_VERSION = "4.14.1"
_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
_FOLDER = Path(__file__).resolve().parents[2] / "cache" / "axe"


@functools.cache
def script() -> str:
    """The text of axe.min.js."""
    path = _FOLDER / f"axe-core-{_VERSION}.tgz"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two workers, one downloads
        if not path.exists():
            command = ["npm", "pack", "--silent", f"axe-core@{_VERSION}", "--pack-destination", str(_FOLDER)]
            subprocess.run(command, check=True, capture_output=True, timeout=600)
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == _SHA256
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()


def faults(page: Page) -> list[Any]:
    """What is wrong on a page, and serious: the rule, and the elements."""
    page.evaluate(script())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert result["passes"], "no rule was checked"
    serious = [item for item in result["violations"] if item["impact"] in ("serious", "critical")]
    return [(item["id"], [node["html"] for node in item["nodes"]][:3]) for item in serious]
