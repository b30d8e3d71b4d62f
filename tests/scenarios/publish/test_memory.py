"""A gigabyte is uploaded in chunks: the memory of the process stays small."""

import json
import os
import subprocess
import sys
from pathlib import Path

from support.forge_server import REPO, ForgeServer
from support.server_releases import drafts

GIB, MOST = 1 << 30, 64 << 20
SCRIPT = """
import json, os, re, sys
from pathlib import Path
from hero_build import settings
from hero_build.publish import open_publisher
from hero_build.publish.assets import release_file
from hero_build.publish.types import ReleaseSpec

publisher = open_publisher(settings.read({}, os.environ), None, lambda event: None)
files = (release_file("large", Path(sys.argv[2])),)
one = ReleaseSpec("app", sys.argv[1], "v1", files, draft=True)
result = publisher.publish(one)
peak = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())  # getrusage counts what forked it, too
print(json.dumps([result.uploaded, int(peak[1]) << 10]))
"""


def test_a_gigabyte(forge_server: ForgeServer, repo: str, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(GIB)  # sparse: this test is not about the disk
        file.write(b"not only zeros")
    env = {
        "FORGEJO_URL": forge_server.url,
        "FORGEJO_TOKEN": forge_server.token,
        "HERO_BUILD_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(REPO),
    }
    command = [sys.executable, "-c", SCRIPT, repo, str(large)]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    large.unlink()
    assert done.returncode == 0, done.stderr
    uploaded, peak = json.loads(done.stdout)
    assert uploaded == ["large", "large.sha256"]
    assert 1 << 20 < peak < MOST
    (draft,) = drafts(forge_server, repo, "v1")
    assert {asset["name"]: asset["size"] for asset in draft["assets"]}["large"] == GIB
    forge_server.delete_repo(repo)  # a gigabyte that no other test needs
