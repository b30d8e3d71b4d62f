"""Bad input as a real forge gives it, and the main job from end to end: install, upgrade, rollback."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import pytest

from hero_build import manifest
from support import roots
from support.forge_server import ForgeServer
from support.mirrors import asset, programs, sums
from support.refusals import (
    INSTALL,
    NAMES,
    STARTS,
    Refusal,
    Start,
    check_consistent,
    check_no_leak,
    check_refused_run,
    prepare_root,
    program_output,
)
from support.worlds import Done, World

ADMIN = asset("db_admin")
ODD = "a b+c/../d%.txt"
HIDDEN = "If it is private, set FORGEJO_TOKEN to a token that may read it."
NO_NEWEST = "Drafts and prereleases do not count as newest; select one with --version."
NEW_TOKEN = "Put a valid token into FORGEJO_TOKEN, or unset it: an invalid one is refused even where none is needed."
SCOPES = "The token in FORGEJO_TOKEN needs read access to repositories and packages (read:repository, read:package)."


@dataclass(frozen=True, slots=True)
class Repos:
    """The full names of repos on the real server, and tokens that are not enough."""

    public: str
    private: str
    early: str
    double: str
    renamed: str
    weak: str


@pytest.fixture(scope="module")
def repos(forge_server: ForgeServer) -> Repos:
    """public: v1, v2, a prerelease v3-rc1, a draft v4. early: a prerelease and a draft only."""
    mark = uuid4().hex[:8]
    public, early = forge_server.create_repo(f"db-{mark}"), forge_server.create_repo(f"early-{mark}")
    private = forge_server.create_repo(f"secret-{mark}", private=True)
    for repo, tags in {public: ("v1", "v2"), private: ("v2",)}.items():
        for tag in tags:
            forge_server.release(repo, tag, {**files(tag), ODD: b"odd"})
    for repo in (public, early):
        forge_server.release(repo, "v3-rc1", files("v3-rc1"), prerelease=True)
        forge_server.release(repo, "v4", files("v4"), draft=True)
    double = forge_server.create_repo(f"double-{mark}")
    forge_server.release(double, "v2", [*files("v2").items(), (ADMIN, b"again")])
    renamed = forge_server.create_repo(f"before-{mark}")
    forge_server.release(renamed, "v2", files("v2"))
    forge_server.rename_repo(renamed, f"after-{mark}")
    weak = forge_server.limited_token(f"weak-{mark}", ["read:user"])
    return Repos(public, private=private, early=early, double=double, renamed=renamed, weak=weak)


def files(tag: str) -> dict[str, bytes]:
    files = programs(tag, *NAMES)
    return {**files, "SHA256SUMS": sums(files)}


def of(world: World, repo: str) -> World:
    """The recipe of `db` for this repo of the real server."""
    world.recipe("db", *NAMES, repo=repr(repo))
    return world


@dataclass(frozen=True, slots=True)
class Real:
    """A row that the real server shows: which repo, whose token, what is typed, and how it is refused."""

    name: str
    repo: Callable[[Repos], str]
    token: Callable[[Repos, ForgeServer], str]
    refusal: Refusal
    words: tuple[str, ...] = INSTALL


def nobody(repos: Repos, server: ForgeServer) -> str:
    return ""


def weak(repos: Repos, server: ForgeServer) -> str:
    return repos.weak


ROWS = (
    Real(
        "401-bad-token-on-a-public-repo",
        repo=lambda repos: repos.public,
        token=lambda repos, server: "0" * 40,
        refusal=Refusal(4, kind="AuthError", message="127.0.0.1 does not accept the request (401): …", hint=NEW_TOKEN),
    ),
    Real(
        "403-token-without-the-scope",
        repo=lambda repos: repos.private,
        token=weak,
        refusal=Refusal(4, kind="AuthError", message="127.0.0.1 forbids the request (403): …scope…", hint=SCOPES),
    ),
    Real(
        "404-private-without-a-token",
        repo=lambda repos: repos.private,
        token=nobody,
        refusal=Refusal(
            3, kind="RepoNotFound", message="http://127.0.0.1:… shows no repository …/secret-…", hint=HIDDEN
        ),
    ),
    Real(
        "unknown-tag",
        repo=lambda repos: repos.public,
        token=nobody,
        refusal=Refusal(3, kind="ReleaseNotFound", message="…/db-… has no release v22", hint="Did you mean v2?"),
        words=(*INSTALL, "--version", "v22"),
    ),
    Real(
        "draft-by-tag-without-a-token",
        repo=lambda repos: repos.public,
        token=nobody,
        refusal=Refusal(3, kind="ReleaseNotFound", message="…/db-… has no release v4", hint="Did you mean v…?"),
        words=(*INSTALL, "--version", "v4"),
    ),
    Real(
        "drafts-and-prereleases-only",
        repo=lambda repos: repos.early,
        token=nobody,
        refusal=Refusal(3, kind="ReleaseNotFound", message="…/early-… has no release", hint=NO_NEWEST),
    ),
    Real(
        "two-assets-of-the-same-name",
        repo=lambda repos: repos.double,
        token=nobody,
        refusal=Refusal(
            3,
            kind="AmbiguousAsset",
            message=f"release v2 of …/double-… has 2 assets named {ADMIN}",
            hint="Delete all but one on the forge: http://…/attachments/… and http://…/attachments/….",
        ),
    ),
)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_real(row: Real, start: Start, repos: Repos, forge_server: ForgeServer, world: World) -> None:
    token = row.token(repos, forge_server)
    prepare_root(of(world, row.repo(repos)), start)
    done = check_refused_run(
        world,
        refusal=row.refusal,
        start=start,
        words=row.words,
        environ={"FORGEJO_URL": forge_server.url, "FORGEJO_TOKEN": token},
    )
    check_no_leak(done, token or forge_server.token)


def run_ok(world: World, server: ForgeServer, *words: str, token: str = "") -> Done:
    """A command over the real server, which must succeed."""
    done = world.run(*words, env={"FORGEJO_URL": server.url, "FORGEJO_TOKEN": token})
    assert done.code == 0, done.err
    check_no_leak(done, token or server.token)
    return done


def test_install_upgrade_rollback_from_a_real_forge(repos: Repos, forge_server: ForgeServer, world: World) -> None:
    """The asset with the hostile name is reported and ignored."""
    root = prepare_root(of(world, repos.public), "empty-root").root
    done = run_ok(world, forge_server, *INSTALL, "--version", "v1", "--checksum", "required")
    assert "which is ignored: the name is not safe" in done.err
    assert program_output(root) == "db v1\n"
    run_ok(world, forge_server, *INSTALL, "--checksum", "required")
    assert [program_output(root, name) for name in NAMES] == ["db v2\n", "db_admin v2\n"]
    record = next(iter(manifest.load(root.path).records.values()))
    assert (record.origin.forge, record.origin.repo, record.origin.tag) == (forge_server.url, repos.public, "v2")
    assert [entry.verified for entry in record.entries] == [("length", "sha256", "elf")] * 2
    assert "nothing to do" in run_ok(world, forge_server, *INSTALL).out
    run_ok(world, forge_server, "rollback")
    assert program_output(root) == "db v1\n"
    assert "all as recorded in generation" in run_ok(world, forge_server, "verify").out
    roots.settled(root)
    check_consistent(root)


NAMED: Mapping[str, tuple[Callable[[Repos], str], str, bool]] = {
    "private-with-a-token": (lambda repos: repos.private, "", True),
    "draft-with-a-token": (lambda repos: repos.public, "v4", True),
    "prerelease-by-tag": (lambda repos: repos.public, "v3-rc1", False),
    "renamed-repo": (lambda repos: repos.renamed, "", False),
}


@pytest.mark.parametrize("name", NAMED)
def test_installs(name: str, repos: Repos, forge_server: ForgeServer, world: World) -> None:
    repo, tag, authenticated = NAMED[name]
    root = prepare_root(of(world, repo(repos)), "over-v1").root
    version = ("--version", tag) if tag else ()
    run_ok(world, forge_server, *INSTALL, *version, token=forge_server.token if authenticated else "")
    assert [program_output(root, name) for name in NAMES] == [f"{name} {tag or 'v2'}\n" for name in NAMES]
    check_consistent(root)
