"""One-time tokens and sessions."""

import errno
import os
import stat
from pathlib import Path

import pytest

from hero_build.errors import MachineError
from hero_build.install.layout import Root
from hero_build.server.cockpit.access import SESSION_SECONDS, CockpitAccess, TooManyTries


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_a_token_works_once(root: Root) -> None:
    access = CockpitAccess(root)
    token = access.new_token()
    session = access.redeem(token)
    assert session is not None
    assert access.knows(session)
    assert access.redeem(token) is None


def test_a_new_token_replaces_the_last_one(root: Root) -> None:
    access = CockpitAccess(root)
    first, second = access.new_token(), access.new_token()
    assert access.redeem(first) is None
    assert access.redeem(second)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "x" * 100_000, "ä\x00"])
def test_a_wrong_token(root: Root, token: str) -> None:
    access = CockpitAccess(root)
    assert access.redeem(token) is None
    access.new_token()
    assert access.redeem(token) is None
    assert not access.knows(token)


def test_wrong_tokens_are_limited_for_a_minute(root: Root) -> None:
    clock = Clock()
    access = CockpitAccess(root, clock)
    token = access.new_token()
    for _ in range(10):
        assert access.redeem("wrong") is None
    with pytest.raises(TooManyTries) as refused:
        access.redeem(token)
    assert 0 < refused.value.seconds <= 61
    clock.now += refused.value.seconds
    assert access.redeem(token)


def test_a_session_outlives_the_server_and_ends_after_thirty_days(root: Root) -> None:
    clock = Clock()
    access = CockpitAccess(root, clock)
    session = access.redeem(access.new_token()) or ""
    clock.now += SESSION_SECONDS - 1
    assert CockpitAccess(root, clock).knows(session)
    clock.now += 1
    assert not CockpitAccess(root, clock).knows(session)


def test_a_session_from_the_future_is_none(root: Root) -> None:
    clock = Clock()
    session = CockpitAccess(root, clock).redeem(CockpitAccess(root, clock).new_token())
    assert session is None  # another CockpitAccess has the token
    access = CockpitAccess(root, clock)
    session = access.redeem(access.new_token()) or ""
    clock.now -= 10
    assert not access.knows(session)


def test_what_is_stored_is_private_and_has_no_secret(root: Root) -> None:
    access = CockpitAccess(root)
    token = access.new_token()
    session = access.redeem(token) or ""
    (path,) = (root.state / "cockpit").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    text = path.read_text()
    assert token not in text
    assert session not in text


@pytest.mark.parametrize("damage", ["mode", "text", "deep", "bytes", "folder", "link"])
def test_a_file_that_others_may_have_written_counts_for_nothing(root: Root, damage: str) -> None:
    access = CockpitAccess(root)
    session = access.redeem(access.new_token()) or ""
    (path,) = (root.state / "cockpit").iterdir()
    match damage:
        case "mode":
            path.chmod(0o644)
        case "text":
            path.write_text("{")
        case "deep":
            path.write_text("[" * 60_000)
        case "bytes":
            path.write_bytes(b'{"token": "\xff"}')
        case "folder":
            path.unlink()
            path.mkdir(mode=0o700)
        case "link":
            path.rename(root.path / "elsewhere")
            path.symlink_to(root.path / "elsewhere")
    assert not CockpitAccess(root).knows(session)
    if damage != "folder":
        assert CockpitAccess(root).new_token()


def test_a_file_that_cannot_be_read_throws_no_session_away(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    access = CockpitAccess(root)
    session = access.redeem(access.new_token()) or ""
    whole = os.open

    def failing(path: Path, *flags: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(MachineError, match=r"access\.json"):
        CockpitAccess(root)
    monkeypatch.setattr(os, "open", whole)
    assert CockpitAccess(root).knows(session)


def test_what_is_not_stored_is_not_done(root: Root) -> None:
    access = CockpitAccess(root)
    token = access.new_token()
    obstacle = root.state / "cockpit" / "access.new"
    obstacle.mkdir()
    with pytest.raises(MachineError):
        access.redeem(token)
    obstacle.rmdir()
    assert access.redeem(token)


def test_the_oldest_session_makes_room(root: Root) -> None:
    access = CockpitAccess(root)
    sessions = [access.redeem(access.new_token()) or "" for _ in range(33)]
    assert [access.knows(session) for session in (sessions[0], sessions[1], sessions[-1])] == [False, True, True]
