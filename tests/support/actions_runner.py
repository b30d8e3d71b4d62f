"""A real Actions runner for tests: built once into the cache, started for one repository of the real server."""

import base64
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.forge_server import REPO, ForgeServer
from support.processes import LONG, until

SOURCE = Path(__file__).with_name("runner")
FILES = ("go.mod", "go.sum", "main.go", "report.go", "task.go")
Runners = Callable[..., None]
CHECKOUT = """\
name: checkout
description: What the real one does, for a server and a machine without a network.
inputs:
  path:
    default: .
    description: a folder
  clean:
    default: "true"
    description: whether what git ignores goes
  persist-credentials:
    default: "true"
    description: not kept here, ever
runs:
  using: composite
  steps:
    - shell: bash
      env:
        URL: ${{ github.server_url }}/${{ github.repository }}
        INTO: ${{ github.workspace }}/${{ inputs.path }}
        REF: ${{ github.ref }}
        CLEAN: ${{ inputs.clean }}
      run: |
        git init --quiet "$INTO"
        git -C "$INTO" remote add origin "$URL" || true
        git -C "$INTO" fetch --quiet --depth 1 "$URL" "$REF"
        git -C "$INTO" checkout --quiet --force FETCH_HEAD
        [ "$CLEAN" = false ] || git -C "$INTO" clean --quiet -ffdx
"""


def program() -> Path:
    """The runner, built once for its source."""
    key = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in FILES)).hexdigest()[:24]
    cache = Path(os.environ.get("HERO_BUILD_CACHE") or REPO / "cache") / "runner"
    binary = cache / key
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two workers, one builds
        if not binary.exists():
            _build(cache, binary)
    return binary


def create_checkout_action(server: ForgeServer) -> None:
    """`actions/checkout@v4`, as a repository of the server itself. Once for a server."""
    body = {"name": "checkout", "auto_init": True, "default_branch": "main"}
    server.api("POST", "/orgs", {"username": "actions"})
    server.api("POST", "/orgs/actions/repos", body)
    content = base64.b64encode(CHECKOUT.encode()).decode()
    file = {"content": content, "message": "checkout", "branch": "main"}
    server.api("POST", "/repos/actions/checkout/contents/action.yml", file)
    server.api("POST", "/repos/actions/checkout/tags", {"tag_name": "v4", "target": "main"})


@contextmanager
def running(server: ForgeServer, repo: str, folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """A runner that takes the jobs of this repository alone, one at a time; what it says is in the file it yields."""
    folder.mkdir(parents=True)
    response = server.api("POST", f"/repos/{repo}/actions/runners/registration-token")
    log = folder / "log"
    command = [program(), "-url", server.url, "-token", response["token"], "-dir", folder / "work"]
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **env}, start_new_session=True
        )
    try:
        assert until(lambda: b"registered" in log.read_bytes() or child.poll() is not None)
        assert child.poll() is None, log.read_text()
        yield log
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(LONG)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def tasks(server: ForgeServer, repo: str) -> list[dict[str, Any]]:
    response: list[dict[str, Any]] = server.api("GET", f"/repos/{repo}/actions/jobs?limit=50")["jobs"]
    return response


def ended(server: ForgeServer, repo: str) -> bool:
    runs = server.api("GET", f"/repos/{repo}/actions/runs")["workflow_runs"]
    return bool(runs) and all(run["status"] == "completed" for run in runs)


def logs(server: ForgeServer, repo: str) -> str:
    """All that the jobs of a repository have written."""
    texts = []
    for job in tasks(server, repo):
        state = job.get("conclusion") or job["status"]
        if state in ("success", "failure", "cancelled"):
            url = f"{server.url}/api/v1/repos/{repo}/actions/jobs/{job['id']}/logs"
            texts.append(f"--- {job['name']} {state}\n{server.request('GET', url, None).decode()}")
        else:
            texts.append(f"--- {job['name']} {state}")
    return "\n".join(texts)


def _build(cache: Path, binary: Path) -> None:
    source = cache / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for name in FILES:
        (source / name).write_bytes((SOURCE / name).read_bytes())
    part = binary.with_suffix(".part")
    done = subprocess.run(["go", "build", "-o", part, "."], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    part.replace(binary)
    shutil.rmtree(source)
