"""The printed workflow on a real server: a pushed tag, real runners, real builds, the release, and an install from it
on an empty root.
"""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from hero_build.forge.build_record import decode
from support import desktops, git_repos, publish_cli, rust_world, wasm_toolchain, worlds
from support.actions_runner import Runners, ended, logs, tasks
from support.forge_server import ForgeServer
from support.git_repos import git, repository
from support.processes import until
from support.publish_cli import PLATFORM, PROGRAMS
from support.server_releases import CuttingProxy, ProxyRequest, drafts, seen
from support.worlds import World

pytestmark = pytest.mark.usefixtures("checkout", "plain_tools")
RECIPES = {
    "hero_db": "binaries = (server('hero_db_server'), admin('hero_db_admin', formerly='hero_db_ui'), cli('hero_db'))",
    "hero_os": "binaries = (server('hero_os_server'),)\n    bundles = (shell('hero_os_app'),)",
}
Push = Callable[..., str]


@pytest.fixture
def pushed(forge_server: ForgeServer, tmp_path: Path) -> Push:
    """Makes a repository with these files, a recipe and the workflow that hero-build prints for it, and pushes it with
    the tag v1; its full name.
    """

    def push(app: str, files: Mapping[str, str], *words: str, change: Callable[[str], str] = str) -> str:
        repo = f"{forge_server.user}/{app}-{uuid4().hex[:8]}"
        forge_server.api("POST", "/user/repos", {"name": repo.split("/")[1]})
        world = worlds.empty(tmp_path / "developer")
        head = "from hero_build.recipe import Recipe, admin, cli, server, shell\n\n\nclass App(Recipe):\n"
        publish_cli.recipe(world, app, f'{head}    repo = "{repo}"\n    libc = "gnu"\n    {RECIPES[app]}\n')
        recipe = {f"recipes/{app}.py": (world.recipes / f"{app}.py").read_text()}
        printed = world.ok("ci", "workflow", app, "--recipes", "recipes", *words)
        workflow = {".forgejo/workflows/release.yml": change(printed)}
        work = repository(tmp_path / "work", {**files, **recipe, **workflow, ".gitignore": "/target\n"})
        git(work, "tag", "v1")
        host = forge_server.url.removeprefix("http://")
        url = f"http://{forge_server.user}:{forge_server.token}@{host}/{repo}.git"
        git(work, "push", "--quiet", url, "main", "v1")
        return repo

    return push


def installs(server: ForgeServer, folder: Path, app: str) -> publish_cli.Person:
    """Someone else, on an empty root, from that server; all of it is as it was released."""
    world = World(folder / "developer")
    person = publish_cli.buyer(world, server.url)
    person.ok("install", app, "--mode", "download")
    person.ok("verify", "--against-release")
    return person


def test_a_pushed_tag_becomes_a_release(
    forge_server: ForgeServer, pushed: Push, runners: Runners, tmp_path: Path
) -> None:
    """Planned, built, verified and published with the workflow's own token; then installed from there."""
    repo = pushed("hero_db", rust_world.files("hero_db"), "--with-legacy-names")
    runners(repo, 1)
    assert until(lambda: ended(forge_server, repo)), logs(forge_server, repo)
    files = seen(forge_server, repo, "v1")
    assert files is not None, logs(forge_server, repo)
    assert files[f"hero_db_ui-{PLATFORM}"] == files[f"hero_db_admin-{PLATFORM}"]
    record = decode(files[f"hero_db-{PLATFORM}.build.json"], "it")
    assert (record.repo, record.what, record.dirty) == (repo, PLATFORM, False)
    assert record.commit == git(tmp_path / "work", "rev-parse", "v1")
    assert record.runner.url.startswith(f"{forge_server.url}/{repo}/actions/runs/")
    assert forge_server.token not in logs(forge_server, repo)
    person = installs(forge_server, tmp_path, "hero_db")
    for name in PROGRAMS:
        assert (person.world.root.path / "bin" / name).read_bytes() == files[f"{name}-{PLATFORM}"]
    entry = publish_cli.manifest(person)["hero_db"]
    assert entry["source"]["commit"] == record.commit
    assert record.runner.url in entry["build"]["fingerprint"]["runner"]


@pytest.mark.timeout(1800)
def test_two_jobs_at_once(
    forge_server: ForgeServer, pushed: Push, runners: Runners, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fixed matrix: the programs of hero_os on one runner and its shell on another, into one draft."""
    monkeypatch.setenv("PATH", f"{wasm_toolchain.ready()}{os.pathsep}{os.environ['PATH']}")
    world = worlds.empty(tmp_path / "made")
    desktops.add_recipes(world)
    code = desktops.os_sources(world)
    texts = {name: content.decode() for name, content in git_repos.files(code.upstream.work).items()}
    repo = pushed("hero_os", texts, "--fixed-matrix")
    runners(repo, 2, **code.environ)
    assert until(lambda: ended(forge_server, repo)), logs(forge_server, repo)
    files = seen(forge_server, repo, "v1")
    assert files is not None, logs(forge_server, repo)
    names = {f"hero_os_server-{PLATFORM}", "hero_os_app-wasm.tar.gz"}
    assert names < set(files)
    assert len([task for task in tasks(forge_server, repo) if task["name"].startswith("build")]) == 2
    person = installs(forge_server, tmp_path, "hero_os")
    person.ok("shell", "--mode", "download")
    assert "2 parts as released" in person.ok("verify", "--against-release").out


def test_a_job_that_may_only_read(forge_server: ForgeServer, pushed: Push, runners: Runners) -> None:
    less = ("contents: write", "contents: read")
    repo = pushed("hero_db", rust_world.files("hero_db"), change=lambda text: text.replace(*less))
    runners(repo, 1)
    assert until(lambda: ended(forge_server, repo)), logs(forge_server, repo)
    assert seen(forge_server, repo, "v1") is None
    assert drafts(forge_server, repo, "v1") == []
    written = logs(forge_server, repo)
    assert "does not let this token publish (403)" in written
    assert "`permissions: contents: write`" in written
    assert "Traceback" not in written


def test_a_job_that_is_killed_and_run_again(
    forge_server: ForgeServer, pushed: Push, runners: Runners, tmp_path: Path
) -> None:
    """Killed as it begins its third upload: a draft is left, and running the failed jobs again ends it."""
    repo = pushed("hero_db", rust_world.files("hero_db"))
    uploads: list[ProxyRequest] = []

    def kill(asked: ProxyRequest) -> bytes | None:
        uploads.extend([asked] if asked.method == "POST" and "/assets?" in asked.path else [])
        if len(uploads) < 3:
            return None
        if not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        return b""

    with CuttingProxy(forge_server.url) as proxy:
        proxy.answers = kill
        runners(repo, 1, PROXY=proxy.url)
        assert until(lambda: ended(forge_server, repo)), logs(forge_server, repo)
    assert len(uploads) >= 3, logs(forge_server, repo)
    assert seen(forge_server, repo, "v1") is None
    (draft,) = drafts(forge_server, repo, "v1")
    assert len(draft["assets"]) < 2 * len(PROGRAMS)
    (run,) = forge_server.api("GET", f"/repos/{repo}/actions/runs")["workflow_runs"]
    forge_server.api("POST", f"/repos/{repo}/actions/runs/{run['id']}/rerun-failed-jobs")
    assert until(lambda: seen(forge_server, repo, "v1") is not None), logs(forge_server, repo)
    assert until(lambda: ended(forge_server, repo))
    installs(forge_server, tmp_path, "hero_db")
