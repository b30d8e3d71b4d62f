"""The printed workflow, run: a pushed tag on a real server, real runners, and the release that comes of it."""

import base64
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import action_runner
from forge_server import REPO, ForgeServer
from gitrepos import git, repository
from hero_build.publish.matrix import Job, Work, jobs
from hero_build.publish.provenance import decode
from hero_build.publish.workflow import Workflow, render
from outgoing import drafts, seen
from processes import until

PLATFORMS = ("linux-amd64-musl", "linux-arm64-musl")
JOBS = jobs((Work("app", PLATFORMS),))
CHECKOUT = """\
name: checkout
description: What the real one does, for a server and a machine without a network.
inputs:
  path:
    default: .
    description: a folder
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
      run: |
        rm -rf "$INTO"
        git init --quiet "$INTO"
        git -C "$INTO" fetch --quiet --depth 1 "$URL" "$REF"
        git -C "$INTO" checkout --quiet FETCH_HEAD
"""


@pytest.fixture(scope="module")
def checkout(forge_server: ForgeServer) -> None:
    """`actions/checkout@v4`, as a repository of the server itself."""
    known = forge_server.api("GET", "/repos/search?q=checkout&limit=50")["data"]
    if any(item["full_name"] == "actions/checkout" for item in known):
        return
    forge_server.api("POST", "/orgs", {"username": "actions"})
    forge_server.api("POST", "/orgs/actions/repos", {"name": "checkout", "auto_init": True, "default_branch": "main"})
    content = base64.b64encode(CHECKOUT.encode()).decode()
    told = {"content": content, "message": "checkout", "branch": "main"}
    forge_server.api("POST", "/repos/actions/checkout/contents/action.yml", told)
    forge_server.api("POST", "/repos/actions/checkout/tags", {"tag_name": "v4", "target": "main"})


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with a `hero-build` in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "hero-build"
    text = f'#!/bin/sh\nPYTHONPATH="{REPO}:{REPO}/tests" exec "{sys.executable}" "{REPO}/tests/pretend_build.py" "$@"\n'
    path.write_text(text)
    path.chmod(0o755)
    return folder


Runners = Callable[..., None]


@pytest.fixture
def runners(forge_server: ForgeServer, programs: Path, tmp_path: Path) -> Iterator[Runners]:
    """Starts so many runners for a repository."""
    with ExitStack() as stack:

        def start(repo: str, number: int, **more: str) -> None:
            for one in range(number):
                folder = tmp_path / f"runner-{one}"
                env = {
                    "PATH": f"{programs}:{os.environ['PATH']}",
                    "HOME": str(tmp_path),
                    "HERO_BUILD_CACHE": str(folder / "cache"),
                    **more,
                }
                stack.enter_context(action_runner.running(forge_server, repo, folder, env))

        yield start


@pytest.fixture
def pushed(forge_server: ForgeServer, tmp_path: Path) -> Callable[..., str]:
    """Makes a repository with this release workflow and pushes it with the tag v1; its full name."""

    def push(workflow: str) -> str:
        name = f"ci-{uuid4().hex[:8]}"
        forge_server.api("POST", "/user/repos", {"name": name})
        work = repository(tmp_path / name, {"program": "hello from ", ".forgejo/workflows/release.yml": workflow})
        git(work, "tag", "v1")
        host = forge_server.url.removeprefix("http://")
        url = f"http://{forge_server.user}:{forge_server.token}@{host}/{forge_server.user}/{name}.git"
        git(work, "push", "--quiet", url, "main", "v1")
        return f"{forge_server.user}/{name}"

    return push


def tasks(server: ForgeServer, repo: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.api("GET", f"/repos/{repo}/actions/jobs?limit=50")["jobs"]
    return found


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


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("fixed", [(), JOBS], ids=["planned", "fixed"])
def test_a_pushed_tag_becomes_a_release(
    forge_server: ForgeServer, pushed: Callable[..., str], runners: Runners, fixed: tuple[Job, ...]
) -> None:
    """Under the workflow's own token; with a fixed matrix, two jobs upload into one draft at the same time."""
    repo = pushed(render(Workflow("app", platforms=PLATFORMS, fixed=fixed)))
    runners(repo, 2)
    assert until(lambda: ended(forge_server, repo)), logs(forge_server, repo)
    found = seen(forge_server, repo, "v1")
    assert found is not None, logs(forge_server, repo)
    for platform in PLATFORMS:
        assert found[f"app-{platform}"] == f"hello from {platform}\n".encode()
        record = decode(found[f"app-{platform}.build.json"], "it")
        assert (record.repo, record.what) == (repo, platform)
        assert record.runner.url.startswith(f"{forge_server.url}/{repo}/actions/runs/")
    assert len(found["SHA256SUMS"].splitlines()) == 4
    assert len(found) == 9
    assert forge_server.token not in logs(forge_server, repo)


@pytest.mark.usefixtures("checkout")
def test_a_job_that_may_only_read(forge_server: ForgeServer, pushed: Callable[..., str], runners: Runners) -> None:
    workflow = render(Workflow("app")).replace("contents: write", "contents: read")
    repo = pushed(workflow)
    runners(repo, 1)
    assert until(lambda: ended(forge_server, repo))
    assert seen(forge_server, repo, "v1") is None
    assert drafts(forge_server, repo, "v1") == []
    written = logs(forge_server, repo)
    assert "does not let this token publish (403)" in written
    assert "`permissions: contents: write`" in written
    assert "Traceback" not in written


@pytest.mark.usefixtures("checkout")
def test_a_job_that_is_killed_and_run_again(
    forge_server: ForgeServer, pushed: Callable[..., str], runners: Runners, tmp_path: Path
) -> None:
    repo = pushed(render(Workflow("app", platforms=PLATFORMS)))
    runners(repo, 1, RUNNER_DIES=str(tmp_path / "died"))
    assert until(lambda: ended(forge_server, repo)), logs(forge_server, repo)
    assert seen(forge_server, repo, "v1") is None
    (draft,) = drafts(forge_server, repo, "v1")
    assert len(draft["assets"]) == 4  # those of the first of two platforms
    (run,) = forge_server.api("GET", f"/repos/{repo}/actions/runs")["workflow_runs"]
    forge_server.api("POST", f"/repos/{repo}/actions/runs/{run['id']}/rerun-failed-jobs")
    assert until(lambda: seen(forge_server, repo, "v1") is not None), logs(forge_server, repo)
    assert until(lambda: ended(forge_server, repo))
    found = seen(forge_server, repo, "v1")
    assert found is not None
    assert len(found) == 9
