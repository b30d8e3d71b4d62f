"""A gigabyte goes out in pieces: the memory of a process that publishes one stays small."""

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
from hero_build.publish.assets import parcel
from hero_build.publish.types import Publication

publisher = open_publisher(settings.read({}, os.environ), None, lambda event: None)
one = Publication("app", sys.argv[1], "v1", (parcel("large", Path(sys.argv[2])),), draft=True)
made = publisher.publish(one)
peak = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())  # getrusage counts what forked it, too
print(json.dumps([made.uploaded, int(peak[1]) << 10]))
"""


def test_a_gigabyte(forge_server: ForgeServer, repo: str, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(GIB)  # sparse: the disk is not what is looked at
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
