"""Checkouts that are not as they should be: each refused in words, or built as it is, and never changed."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from support import git_repos, rust_crates, source_builds
from support.refusals import Refusal
from support.source_builds import SOURCE, Spies, assert_refused, checkout_path, clone_checkout, program_output
from support.worlds import World

AWAY = "Repair it with git, or move it away, so that it is cloned again."
WORKSPACE = "…/code0/o/app"


@dataclass(frozen=True, slots=True)
class Row:
    """Something at the row of a checkout that is none as it should be."""

    arrange: Callable[[World], object]
    refusal: Refusal
    words: tuple[str, ...] = SOURCE


def of_another_repo(world: World) -> None:
    other = git_repos.upstream(world.mirror, "o/other", rust_crates.APP)
    checkout_path(world).parent.mkdir(parents=True)
    git_repos.git(world.folder, "clone", "--quiet", str(other.bare), str(checkout_path(world)))


def corrupted(world: World) -> None:
    head = git_repos.git(clone_checkout(world), "rev-parse", "HEAD")
    loose = checkout_path(world) / ".git" / "objects" / head[:2] / head[2:]
    loose.parent.mkdir(exist_ok=True)
    for pack in (checkout_path(world) / ".git" / "objects" / "pack").iterdir():
        pack.unlink()
    loose.unlink(missing_ok=True)
    loose.touch()


def without_head(world: World) -> None:
    (clone_checkout(world) / ".git" / "HEAD").unlink()


def plain_folder(world: World) -> None:
    git_repos.write(checkout_path(world), rust_crates.APP)


def plain_file(world: World) -> None:
    git_repos.write(checkout_path(world).parent, {"app": "mine"})


def without_commits(world: World) -> None:
    checkout_path(world).mkdir(parents=True)
    git_repos.git(checkout_path(world), "init", "--quiet")


def dirty(world: World) -> None:
    git_repos.write(clone_checkout(world), {"src/bin/app.rs": rust_crates.program("mine")})


def with_lost_commits(world: World) -> None:
    git_repos.git(clone_checkout(world), "checkout", "--quiet", "--detach")
    git_repos.commit(checkout_path(world), {"mine": "mine"})


def in_a_merge(world: World) -> None:
    path = clone_checkout(world)
    git_repos.git(path, "merge", "--no-commit", "--no-ff", "origin/topic")


def locked_index(world: World) -> None:
    git_repos.write(clone_checkout(world), {".git/index.lock": ""})


NOT_READ = f"git cannot read the checkout {WORKSPACE}: …"
PLACES = {
    "another-repo": Row(
        of_another_repo,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"{WORKSPACE} is a checkout of another repository (…/o/other.git), not of o/app",
            hint="Move it away; or, if it is a fork: `git -C … remote add upstream URL-OF-o/app`.",
        ),
    ),
    "corrupted": Row(corrupted, Refusal(8, kind="CheckoutRefused", message=NOT_READ, hint=AWAY)),
    "without-HEAD": Row(without_head, Refusal(8, kind="CheckoutRefused", message=NOT_READ, hint=AWAY)),
    "plain-folder": Row(plain_folder, Refusal(8, kind="CheckoutRefused", message=NOT_READ, hint=AWAY)),
    "plain-file": Row(
        plain_file,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"{WORKSPACE} is in the way of a checkout: it is not a folder",
            hint="Move it away.",
        ),
    ),
    "without-commits": Row(
        without_commits,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"the checkout {WORKSPACE} has no commit yet",
            hint="Commit something there, or move it away.",
        ),
    ),
    "dirty-and-another-ref": Row(
        dirty,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"{WORKSPACE} has uncommitted changes (src/bin/app.rs), so it is not switched to topic",
            hint="Commit them or `git stash -u`, or use another checkout: CODEROOT=DIR hero-build …",
        ),
        ("install", "app", "--ref", "topic"),
    ),
    "dirty-and-another-version": Row(
        dirty,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"{WORKSPACE} has uncommitted changes (src/bin/app.rs), …",
            hint="Commit them …",
        ),
        ("install", "app", "--version", "v1"),
    ),
    "detached-with-commits-of-its-own": Row(
        with_lost_commits,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"{WORKSPACE} has commits that are on no branch; …",
            hint="Keep them with …",
        ),
        ("install", "app", "--ref", "topic"),
    ),
    "in-a-merge": Row(
        in_a_merge,
        Refusal(8, kind="CheckoutRefused", message=f"{WORKSPACE} …", hint="…"),
        ("install", "app", "--ref", "topic"),
    ),
    "locked-by-another-git": Row(
        locked_index,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"another git is running in {WORKSPACE}",
            hint="If no git is running there, …",
        ),
        ("install", "app", "--ref", "topic"),
    ),
    "unknown-ref": Row(
        clone_checkout,
        Refusal(3, kind="RefNotFound", message="o/app has no branch, tag or commit 'topik'", hint="Nearest: topic."),
        ("install", "app", "--ref", "topik"),
    ),
    "unknown-version": Row(
        clone_checkout,
        Refusal(3, kind="RefNotFound", message="…, and o/app has no tag 'v9'", hint="…"),
        ("install", "app", "--version", "v9"),
    ),
}


@pytest.fixture
def topical(world: World) -> World:
    """`app` with a branch `topic` and, on it, the tag `v1`."""
    upstream = source_builds.add_app(world)
    upstream.commit({"topic.txt": "topic"}, "topic")
    upstream.tag("v1")
    return world


@pytest.mark.parametrize("name", PLACES)
def test_a_checkout(name: str, topical: World, spies: Spies) -> None:
    PLACES[name].arrange(topical)
    assert_refused(topical, PLACES[name].refusal, *PLACES[name].words)
    assert_refused(topical, PLACES[name].refusal, *PLACES[name].words, "--json")
    assert spies.calls("cargo") == []


def test_an_empty_folder_counts_as_no_checkout(world: World) -> None:
    source_builds.add_app(world)
    checkout_path(world).mkdir(parents=True)
    world.ok(*SOURCE)
    assert program_output(world) == "app"


def test_a_detached_checkout_is_built_as_it_is(world: World) -> None:
    source_builds.add_app(world)
    git_repos.git(clone_checkout(world), "checkout", "--quiet", "--detach")
    done = world.run(*SOURCE, "--update")
    assert done.code == 0, done.err
    assert "is on no branch (HEAD is detached); it is built as it is" in done.err
    assert source_builds.installed_app(world)["build"]["ref"] == ""


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
WITH_POINTER = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "model.bin": POINTER}


@pytest.mark.parametrize("where", ["the repo", "a submodule"])
def test_a_pointer_of_git_lfs_is_never_compiled_in(where: str, world: World) -> None:
    """Without git-lfs the command ends with 8, and says what to install."""
    program = 'fn main() { print!("{}", include_str!("../../part/model.bin")); }\n'
    files = {**rust_crates.APP, "src/bin/app.rs": program}
    if where == "the repo":
        upstream = source_builds.add_app(world, files=files)
        upstream.commit({f"part/{name}": text for name, text in WITH_POINTER.items()})
        what = "o/app needs git-lfs: part/model.bin"
    else:
        part = git_repos.upstream(world.mirror, "o/part", WITH_POINTER)
        upstream = source_builds.add_app(world, files=files)
        git_repos.git(upstream.work, "submodule", "--quiet", "add", part.bare.as_uri(), "part")
        upstream.commit({})
        what = "the submodule part of o/app needs git-lfs: model.bin"
    hint = "Install it (Debian, Ubuntu: `apt install git-lfs`), then run the command again."
    refusal = Refusal(8, kind="MissingTool", message=f"{what} of it is in Git LFS", hint=hint)
    env = source_builds.path_without(world.folder / "path", "git-lfs")
    for more in ((), ("--json",)):
        assert_refused(world, refusal, *SOURCE, *more, env=env)
    assert not checkout_path(world).exists()
