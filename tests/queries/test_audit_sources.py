"""The sources of `audit`: what is compared if one of them is missing or cannot be read."""

import shutil

import pytest

from support import worlds
from support.audit_repo import Repo
from support.worlds import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("two_apps"),
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed"),
]


@pytest.fixture
def repo(world: World) -> Repo:
    return Repo(world)


def test_offline_the_checkout_is_audited(repo: Repo) -> None:
    repo.assets.remove("child")
    repo.write()
    done = repo.audit("duo", "--forge", "file:///nowhere/at/all")
    assert done.code == 0
    assert "the mirror /nowhere/at/all does not exist" in done.out
    sources = repo.document("duo", "--no-release")["apps"][0]["heard"]
    assert sources[2] == {"teller": "release", "state": "not asked", "said": "not asked"}


def test_without_cargo_the_other_sources_are_read(repo: Repo) -> None:
    del repo.crates["child"]
    repo.write()
    done = repo.audit("duo", env={"PATH": "/nowhere", "CARGO_HOME": "/nowhere"})
    assert done.code == 0
    assert "cargo is not on this machine" in done.out


def test_a_workspace_that_cargo_cannot_read_is_an_error(repo: Repo) -> None:
    repo.write()
    (repo.folder / "Cargo.toml").write_text("[package\n")
    done = repo.audit("duo", "--json")
    (failed,) = worlds.valid(done.document)["failed"]
    assert (done.code, failed["kind"], failed["app"]) == (6, "BuildError", "duo")
    assert "cargo cannot read the workspace" in failed["message"]


def test_no_source_to_compare_with(repo: Repo) -> None:
    repo.write()
    done = repo.audit("duo", env={"CODEROOT": "/nowhere", "FORGEJO_URL": "file:///nowhere"})
    assert done.code == 3
    assert "no checkout at /nowhere/o/duo, and no release (the mirror /nowhere does not exist)" in done.err
    assert "Clone o/duo there" in done.err


def test_a_release_alone_is_enough_and_a_named_one_must_exist(repo: Repo) -> None:
    repo.write()
    shutil.rmtree(repo.folder)
    assert repo.document()["exit"] == 0
    assert repo.document("duo", "--version", "v1")["exit"] == 0
    done = repo.audit("duo", "--version", "v9")
    assert done.code == 3
    assert "v9" in done.err
