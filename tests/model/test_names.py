"""Names from outside: what may become a path, a tag, a repository."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hero_build.errors import UnsafeName
from hero_build.model.names import check_name, check_repo, check_tag, edit_distance, nearest, safe_name

HOSTILE = ["", ".", "..", "/", "a/b", "../x", "a\0b", "a\nb", "\x1b[31mred", "a\u202eb", "\ud800", "a" * 256, "é" * 128]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(name: str) -> None:
    assert not safe_name(name)
    with pytest.raises(UnsafeName) as caught:
        check_name(name, "asset")
    assert "cannot be the name of an asset" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["hero_db-linux-amd64-musl", "SHA256SUMS", "a b+c%.txt", "-rf", ".hidden", "héros"])
def test_plain_names_pass(name: str) -> None:
    assert safe_name(name)
    assert check_name(name, "asset") == name


@given(st.text())
@example("..\0")
def test_a_safe_name_stays_in_its_folder(name: str) -> None:
    if safe_name(name):
        folder = Path("/somewhere")
        assert (folder / name).parent == folder
        assert name.isprintable()


@pytest.mark.parametrize("tag", ["v0.3.2", "a/b", "release/1.0", "0", "v1+x", "ü"])
def test_tags_of_git_pass(tag: str) -> None:
    assert check_tag(tag) == tag


@pytest.mark.parametrize(
    "tag", ["", "../x", "a..b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a b", "a~1", "a^", "a:b"]
)
def test_tags_that_git_would_not_hold_are_refused(tag: str) -> None:
    with pytest.raises(UnsafeName, match="cannot be a tag"):
        check_tag(tag)


@pytest.mark.parametrize("tag", ["a\nb", "a\0b", "\x1b]0;x\x07", "a?", "a*", "a[b", "a\\b", "a@{b", "a.", "a" * 256])
def test_tags_that_could_harm_are_refused(tag: str) -> None:
    with pytest.raises(UnsafeName):
        check_tag(tag)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab./@{}~ -_lock\\*", min_size=1, max_size=12))
def test_a_tag_that_passes_is_one_for_git_too(tag: str) -> None:
    try:
        check_tag(tag)
        passes = True
    except UnsafeName:
        passes = False
    status = subprocess.run(["git", "check-ref-format", f"refs/tags/{tag}"], check=False).returncode
    assert passes == (status == 0 and not tag.startswith("-"))  # `git tag` refuses those, too


@pytest.mark.parametrize("repo", ["", "a", "a/", "/a", "a/b/c", "../..", "a/..", "a/b\n"])
def test_what_is_no_repository(repo: str) -> None:
    with pytest.raises(UnsafeName, match="is not a repository"):
        check_repo(repo)


def test_a_repository_has_an_owner_and_a_name() -> None:
    assert check_repo("lhumina_code/hero_db") == ("lhumina_code", "hero_db")


def test_nearest_names_come_best_first() -> None:
    assert nearest("v0.3.3", ["v0.3.2", "v1.0.0", "v0.3.1", "nightly"])[0] in ("v0.3.2", "v0.3.1")
    assert nearest("zzz", ["v0.3.2"]) == ()


@pytest.mark.parametrize(
    ("word", "first"),
    [("hero_bd", "hero_db"), ("HERO_DB", "hero_db"), ("herodb", "hero_db"), ("hero-db", "hero_db"), ("db", "hero_db")],
)
def test_a_swap_another_case_or_a_part_comes_first(word: str, first: str) -> None:
    assert nearest(word, ["hero_do", "hero_bi", "hero_ba", "hero_db", "hero_dba"])[0] == first


def test_only_names_about_as_near_as_the_nearest_are_offered() -> None:
    assert nearest("hero_prco", ["hero_proc", "hero_proxy", "hero_os"]) == ("hero_proc",)


@pytest.mark.parametrize(("one", "other", "edits"), [("ab", "ba", 0.9), ("ab", "ab", 0), ("ab", "b", 1), ("", "ab", 2)])
def test_edit_distance(one: str, other: str, edits: float) -> None:
    assert edit_distance(one, other) == edits
    assert edit_distance(other, one) == edits
