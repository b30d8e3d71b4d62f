"""A user without a home, and one who may start few threads."""

import os

import pytest

from support.refusals import check_consistent, check_no_leak, program_output
from support.users import NOBODY_IN_PARTICULAR, as_user
from support.worlds import REPO, World

HOMELESS = ("env", "-u", "HOME", "-u", "HERO_ROOT", "-u", "XDG_CACHE_HOME")
SENTENCE = f"user ID {NOBODY_IN_PARTICULAR} has no home: HOME is not set, and passwd has no entry for it"
HINT = "Set HOME to a folder of this user, or name the folders: --root (HERO_ROOT), and CARGO_HOME for builds."


@pytest.fixture
def homeless(two_apps: World) -> tuple[str, ...]:
    """Without HOME and without an entry in passwd; the root's folder is the user's."""
    for folder in (two_apps.root.path, two_apps.folder / "cache"):
        folder.mkdir()
        os.chown(folder, NOBODY_IN_PARTICULAR, NOBODY_IN_PARTICULAR)
    return (*as_user(NOBODY_IN_PARTICULAR), *HOMELESS)


@pytest.mark.parametrize("empty", [(), ("HOME=",)], ids=["unset", "empty"])
@pytest.mark.parametrize("words", [("list",), ("install", "db"), ("status", "--json")], ids=lambda words: words[0])
def test_a_home_is_needed(
    words: tuple[str, ...], empty: tuple[str, ...], two_apps: World, homeless: tuple[str, ...]
) -> None:
    done = two_apps.run(*words, prefix=(*homeless, *empty))
    assert done.code == 8
    check_no_leak(done)
    assert f"error: {SENTENCE}\n  hint: {HINT}\n" in done.err
    assert os.listdir(two_apps.root.path) == []


def test_a_relative_home_is_refused_where_it_is_needed(two_apps: World) -> None:
    """Each working directory would have a root and a cache of its own."""
    prefix = (*HOMELESS, "HOME=here", "sh", "-c", 'cd "$0" && exec "$@"', str(two_apps.folder))
    environ = {"PYTHONPATH": str(REPO)}
    for words in (("list",), ("install", "db")):
        done = two_apps.run(*words, prefix=prefix, env=environ)
        assert done.code == 8
        assert f"error: HOME is 'here', which is not an absolute path\n  hint: {HINT}\n" in done.err
    done = two_apps.run("--root", str(two_apps.root.path), "install", "db", prefix=prefix, env=environ)
    assert done.code == 0, done.err
    assert "here" not in os.listdir(two_apps.folder)


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("install", "--help"), ("completion", "bash")])
def test_no_home_is_needed(words: tuple[str, ...], two_apps: World, homeless: tuple[str, ...]) -> None:
    assert two_apps.run(*words, prefix=homeless).code == 0


@pytest.mark.parametrize("words", [("list",), ("install", "db"), ("status",), ("verify",), ("doctor",), ("gc",)])
def test_a_root_that_is_named_needs_no_home(words: tuple[str, ...], two_apps: World, homeless: tuple[str, ...]) -> None:
    done = two_apps.run("--root", str(two_apps.root.path), *words, prefix=homeless)
    assert done.code == 0, done.err
    if words[0] == "doctor":
        assert SENTENCE in done.out


def test_a_build_without_a_home(two_apps: World, homeless: tuple[str, ...]) -> None:
    done = two_apps.run("--root", str(two_apps.root.path), "install", "db", "--mode", "source", prefix=homeless)
    assert done.code not in (0, 70)
    check_no_leak(done)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("words", [("install", "db", "web"), ("status", "--latest"), ("verify",)], ids=lambda w: w[0])
def test_few_threads_mean_fewer_workers(words: tuple[str, ...], threads: int, two_apps: World) -> None:
    """RLIMIT_NPROC counts the threads of the user, of whom there is this process alone."""
    uid = NOBODY_IN_PARTICULAR + os.getpid() % 1000  # tests run side by side
    for folder in (two_apps.root.path, two_apps.folder / "cache"):
        folder.mkdir()
        os.chown(folder, uid, uid)
    if words[0] != "install":
        assert two_apps.run("install", "db", "web", prefix=as_user(uid)).code == 0
    done = two_apps.run(*words, prefix=(*as_user(uid), "prlimit", f"--nproc={threads}"))
    check_no_leak(done)
    if done.code == 8 and threads == 1:
        assert "no more threads or processes can be started" in done.err
        assert "ulimit -u" in done.err
    else:
        assert done.code == 0, done.err
        assert program_output(two_apps.root) == "db v2\n"
    check_consistent(two_apps.root)
