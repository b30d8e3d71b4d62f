"""`publish` to a real server by the real command: round trips, several jobs, packages, signatures, and refusals."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import minisign
import pytest

from hero_build.verify.minisign import verifies
from support import git_repos, publish_cli, roots, rust_world, worlds
from support.forge_server import ForgeServer
from support.processes import until
from support.publish_cli import PLATFORM, PROGRAMS, Person, buyer, dist
from support.server_releases import drafts, seen
from support.worlds import World

MUSL = str(roots.platform())
OTHER = MUSL.replace("amd64", "xx").replace("arm64", "amd64").replace("xx", "arm64")


@pytest.fixture(autouse=True)
def plain(plain_tools: None) -> None:
    """cargo and git without a person's habits."""


def person(folder: Path, server: ForgeServer, libc: str = "musl") -> tuple[Person, str]:
    """Someone who publishes hero_db from a repository of its own on the server; and that repository's name."""
    world = publish_cli.hero_db(folder, libc=libc)
    repo = publish_cli.pushed(server, world)
    recipe = (world.recipes / "hero_db.py").read_text()
    publish_cli.recipe(world, "hero_db", recipe.replace("lhumina_code/hero_db", repo))
    return publish_cli.publisher(world, server), repo


def well(one: Person) -> None:
    """The programs are there, they are what the manifest says, and they are the release's."""
    response = publish_cli.document(one.ok("verify", "--against-release", "--json"))
    (compared,) = response["against"]["parts"]
    assert (compared["files"], compared["differs"]) == (len(PROGRAMS), [])
    assert sorted(path.name for path in (one.world.root.path / "bin").iterdir()) == sorted(PROGRAMS)


def test_published_installed_mirrored_pinned(forge_server: ForgeServer, tmp_path: Path) -> None:
    """The round trips: server → root, server → mirror → root, server → lock file → root."""
    one, repo = person(tmp_path, forge_server, libc="gnu")
    key = minisign.KeyPair.generate()
    secret = bytes(key.secret_key).decode()
    (tmp_path / "notes").write_text("All *new*.\n")
    words = ("publish", "hero_db", "--tag", "v1", "-t", "One", "-F", str(tmp_path / "notes"), "--target", "development")
    done = one.ok(*words, "--json", HERO_MINISIGN_KEY=secret)
    (release,) = publish_cli.document(done)["releases"]
    assert (release["state"], release["repo"], release["kept"]) == ("published", repo, [])
    response = forge_server.api("GET", f"/repos/{repo}/releases/tags/v1")
    assert (response["name"], response["body"], response["target_commitish"]) == ("One", "All *new*.\n", "development")
    files = seen(forge_server, repo, "v1")
    assert files is not None
    assert verifies(files["SHA256SUMS.minisig"], files["SHA256SUMS"], key.public_key.to_base64().decode())
    assert secret.splitlines()[1] not in done.err + done.out
    assert "nothing to do" in one.ok("publish", "hero_db", "--tag", "v1").out
    one.ok("publish", "hero_db", "--tag", "v2-rc1", "--prerelease", "-n", "soon")  # is not the newest

    server = buyer(one.world, forge_server.url)
    server.ok("install", "hero_db", "--mode", "download")
    well(server)
    entry = publish_cli.manifest(server)["hero_db"]
    assert (entry["version"], entry["source"]["dirty"]) == ("v1", False)
    assert entry["source"]["commit"] == json.loads(files[f"hero_db-{PLATFORM}.build.json"])["commit"]

    server.ok("mirror", "hero_db", str(tmp_path / "media"))
    copy = buyer(one.world, "https://forge.invalid")
    copy.ok("install", "hero_db", "--mode", "download", "--forge", (tmp_path / "media").as_uri())
    copied = Person(copy.world, {**copy.environ, "FORGEJO_URL": (tmp_path / "media").as_uri()})
    well(copied)
    assert publish_cli.manifest(copy)["hero_db"]["build"] == entry["build"]

    server.ok("lock", "hero_db", "-o", str(tmp_path / "pins"))
    pinned = buyer(one.world, "https://forge.invalid")
    pinned.ok("install", "--locked", str(tmp_path / "pins"))
    pinned.ok("verify")
    assert (pinned.world.root.path / "bin/hero_db").read_bytes() == files[f"hero_db-{PLATFORM}"]


def test_two_jobs_and_one_that_finishes(forge_server: ForgeServer, tmp_path: Path) -> None:
    one, repo = person(tmp_path, forge_server)
    folder = dist(tmp_path / "dist", MUSL, OTHER)
    matrix = one.ok("ci", "matrix", "hero_db", "--platform", MUSL, "--platform", OTHER).out
    entries = [json.dumps(entry) for entry in json.loads(matrix)["include"]]
    assert len(entries) == 2
    first = ("publish", "hero_db", "--from", folder, "--draft", "--matrix")
    worker = [
        Person(World(tmp_path), {**one.environ, "HERO_ROOT": str(tmp_path / f"job{number}")}) for number in range(2)
    ]
    worker[0].ok(*first, entries[0], "--tag", "v0")
    early = one.run("publish", "hero_db", "--tag", "v0", "--finish", "--matrix", matrix)
    assert early.code == 3
    assert f"hero_db-{OTHER}.build.json" in early.err
    assert seen(forge_server, repo, "v0") is None
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(worker[number].ok, *first, entries[number], "--tag", "v1") for number in range(2)]
        assert all("v1 a draft" in job.result().out for job in jobs)
    assert len(drafts(forge_server, repo, "v1")) == 1
    done = one.ok("publish", "hero_db", "--tag", "v1", "--finish", "--matrix", matrix, "--json")
    (release,) = publish_cli.document(done)["releases"]
    assert (release["state"], release["uploaded"]) == ("published", ["SHA256SUMS"])
    files = seen(forge_server, repo, "v1")
    assert files is not None
    for platform in (MUSL, OTHER):
        assert files[f"hero_db-{platform}"] == publish_cli.built("hero_db", "v1", platform)
    again = one.ok("publish", "hero_db", "--tag", "v1", "--finish", "--matrix", matrix)
    assert "nothing to do" in again.out
    server = buyer(one.world, forge_server.url)
    server.ok("install", "hero_db", "--mode", "download")
    well(server)


def test_a_package(forge_server: ForgeServer, tmp_path: Path) -> None:
    """A recipe like zinit's: generic packages, under names of its own."""
    one, _ = person(tmp_path, forge_server)
    name = f"db-{uuid4().hex[:6]}"
    more = f"""
    def package(self, version):
        return Package("{forge_server.user}", "{name}", version or "dev")

    def asset_name(self, artifact, name, platform):
        return f"{{name}}-{{platform.os}}-{{platform.arch}}"
"""
    recipe = (one.world.recipes / "hero_db.py").read_text()
    publish_cli.recipe(one.world, "hero_db", recipe.replace("Recipe, admin", "Package, Recipe, admin") + more)
    folder = dist(tmp_path / "dist")
    for path in Path(folder).iterdir():
        path.rename(path.with_name(path.name.removesuffix("-musl")))
    done = one.run("publish", "hero_db", "--tag", "dev", "--from", folder, "--draft")
    assert (done.code, "a package has no drafts" in done.err) == (2, True)
    one.ok("publish", "hero_db", "--tag", "dev", "--from", folder)
    assert "nothing to do" in one.ok("publish", "hero_db", "--tag", "dev", "--from", folder).out
    for token in (forge_server.token, ""):
        server = buyer(one.world, forge_server.url, FORGEJO_TOKEN=token)
        server.ok("install", "hero_db", "--mode", "download")
        well(server)


def test_a_signing_key_in_a_file(forge_server: ForgeServer, tmp_path: Path) -> None:
    one, repo = person(tmp_path, forge_server)
    key = minisign.KeyPair.generate()
    path = tmp_path / "hero.key"
    path.write_bytes(bytes(key.secret_key))
    words = ("publish", "hero_db", "--tag", "v1", "--from", dist(tmp_path / "dist"))
    path.chmod(0o644)
    done = one.run(*words, "--key", str(path))
    assert (done.code, f"others can read the secret key {path}" in done.err) == (2, True)
    path.chmod(0o600)
    one.ok(*words, HERO_MINISIGN_KEY_FILE=str(path))
    one.ok(*words, "--key", str(path))
    files = seen(forge_server, repo, "v1")
    assert files is not None
    assert verifies(files["SHA256SUMS.minisig"], files["SHA256SUMS"], key.public_key.to_base64().decode())


def refused(one: Person, code: int, says: str, *words: str, **env: str) -> None:
    """In one sentence with a hint, as text and as a document; without the token."""
    done = one.run("publish", "hero_db", "--tag", "v1", *words, "--json", **env)
    (problem,) = worlds.valid(done.document)["failed"]
    assert (done.code, problem["exit"]) == (code, code), done.err
    assert says in problem["message"]
    assert problem["hint"]
    assert f"  hint: {problem['hint']}" in done.err
    for name in ("FORGEJO_TOKEN", "HERO_MINISIGN_KEY"):
        assert not (token := {**one.environ, **env}.get(name)) or token not in done.err + done.out


def test_who_may_not(forge_server: ForgeServer, tmp_path: Path) -> None:
    one, repo = person(tmp_path, forge_server)
    words = ("--from", dist(tmp_path / "dist"))
    no_token = Person(one.world, {"FORGEJO_URL": forge_server.url})
    refused(no_token, 4, "publishing needs a token, and there is none", *words)
    assert not (one.world.root.path / "code0").exists()  # before anything is cloned or built
    reading = forge_server.limited_token(uuid4().hex, ["read:repository"])
    refused(one, 4, "does not let this token publish (403)", *words, FORGEJO_TOKEN=reading)
    refused(one, 4, "401", *words, FORGEJO_TOKEN="0" * 40)
    assert seen(forge_server, repo, "v1") is None
    assert drafts(forge_server, repo, "v1") == []


def test_existing_releases(forge_server: ForgeServer, tmp_path: Path) -> None:
    one, repo = person(tmp_path, forge_server)
    old, new = dist(tmp_path / "old"), dist(tmp_path / "new", version="v2")
    forge_server.api("POST", f"/repos/{repo}/releases", {"tag_name": "v1", "draft": True, "name": "by hand"})
    one.ok("publish", "hero_db", "--tag", "v1", "--from", old)  # a draft is gone on with
    before = seen(forge_server, repo, "v1")
    refused(one, 2, "v1 is published already, with another hero_db_server-", "--from", new)
    assert seen(forge_server, repo, "v1") == before
    one.ok("publish", "hero_db", "--tag", "v1", "--from", new, "--clobber")
    after = seen(forge_server, repo, "v1")
    assert after is not None
    assert after[f"hero_db-{MUSL}"] == publish_cli.built("hero_db", "v2", MUSL)
    upstream = rust_world.upstream(one.world.mirror, "hero_db")
    host = forge_server.url.removeprefix("http://")
    git_repos.git(upstream.work, "commit", "--quiet", "--allow-empty", "-m", "more")
    git_repos.git(upstream.work, "tag", "v9", "HEAD")
    url = f"http://{forge_server.user}:{forge_server.token}@{host}/{repo}.git"
    git_repos.git(upstream.work, "push", "--quiet", url, "v9")
    refused(one, 2, f"the tag v9 of {repo} is the commit ", "--tag", "v9", "--from", old)
    assert seen(forge_server, repo, "v9") is None


def test_repositories_that_cannot(forge_server: ForgeServer, tmp_path: Path) -> None:
    one, repo = person(tmp_path, forge_server)
    words = ("--from", dist(tmp_path / "dist"))
    refused(one, 3, f"{repo} has no branch or commit 'nowhere'", *words, "--target", "nowhere")
    checkout = one.world.root.path / "code0" / repo
    git_repos.commit(checkout, {"more": "text"})
    refused(one, 3, f"{repo} has no branch or commit", *words)  # which has not been pushed
    empty = f"{forge_server.user}/empty-{uuid4().hex[:6]}"
    forge_server.api("POST", "/user/repos", {"name": empty.split("/")[1]})
    for name, says in ((empty, f"{empty} has no commits"), (f"{empty}-not", f"repository {empty}-not does not exist")):
        recipe = (one.world.recipes / "hero_db.py").read_text()
        publish_cli.recipe(one.world, "hero_db", recipe.replace(repo, name))
        moved = one.world.root.path / "code0" / name
        checkout.rename(moved)
        git_repos.git(moved, "remote", "set-url", "origin", f"{forge_server.url}/{name}.git")
        refused(one, 3, says, *words)
        repo, checkout = name, moved


def test_killed_and_run_again(forge_server: ForgeServer, tmp_path: Path) -> None:
    """At a moment when something is uploaded: no more than a draft is left, and the same command ends it."""
    one, repo = person(tmp_path, forge_server)
    folder = dist(tmp_path / "dist")
    large = Path(folder) / f"hero_db-{MUSL}"
    large.write_bytes(large.read_bytes() + bytes(200 << 20))
    words = ("publish", "hero_db", "--tag", "v1", "--from", folder)
    child = publish_cli.start(one, *words)
    try:
        assert until(lambda: any(draft["assets"] for draft in drafts(forge_server, repo, "v1")))
    finally:
        child.kill()
        child.communicate()
    assert seen(forge_server, repo, "v1") is None
    one.ok(*words)
    files = seen(forge_server, repo, "v1")
    assert files is not None
    assert files[f"hero_db-{MUSL}"] == large.read_bytes()
    forge_server.delete_repo(repo)  # nobody needs these bytes
