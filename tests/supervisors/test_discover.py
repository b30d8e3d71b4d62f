"""Which supervisor is used: hero_router first, zinit second, or neither."""

from pathlib import Path

import pytest

from hero_build import settings
from hero_build.errors import RuntimeUnreachable
from hero_build.supervisors.discover import sockets
from hero_build.supervisors.protocol import timeouts
from support.daemons import HASTY, Machine


def test_the_sockets_are_where_the_settings_say(tmp_path: Path) -> None:
    plain = settings.read({"root": str(tmp_path)}, {})
    assert sockets(plain, {}).router == tmp_path / "var/sockets/hero_router/service.sock"
    assert sockets(plain, {}).zinit == tmp_path / "var/zinit.sock"
    moved = settings.read({"root": str(tmp_path)}, {"HERO_SOCKET_DIR": "/run/hero"})
    located = sockets(moved, {"ZINIT_SOCKET": "/run/zinit.sock"})
    assert (located.router, located.zinit) == (Path("/run/hero/hero_router/service.sock"), Path("/run/zinit.sock"))


def test_a_graceful_stop_has_its_thirty_seconds(tmp_path: Path) -> None:
    assert timeouts(settings.read({"root": str(tmp_path)}, {})).change > 30


def test_without_a_supervisor_the_hint_says_what_to_start(machine: Machine) -> None:
    with pytest.raises(RuntimeUnreachable) as caught:
        machine.runtimes()
    error = caught.value
    assert error.code == 9
    assert str(machine.sockets.router) in error.message
    assert str(machine.sockets.zinit) in error.message
    assert f"`zinit-server -s {machine.sockets.zinit} -c DIR`" in error.hint
    assert "What is installed stays" in error.hint


def test_a_router_alone_is_enough(machine: Machine) -> None:
    with machine.router():
        assert [runtime.name for runtime in machine.runtimes()] == ["hero_router"]
    assert machine.warnings == []


def test_a_router_that_hangs_without_a_zinit_is_reported_with_both_reasons(machine: Machine) -> None:
    with machine.router() as router:
        router.troubles["service.list"] = "hang"
        with pytest.raises(RuntimeUnreachable) as caught:
            machine.runtimes(HASTY)
    assert "no answer within 0.3 s" in caught.value.message
    assert "the socket does not exist" in caught.value.message


def test_a_stale_router_socket_is_reported(machine: Machine) -> None:
    with machine.router():
        pass
    with pytest.raises(RuntimeUnreachable) as caught:
        machine.runtimes()
    assert "nothing listens there (the socket file is stale)" in caught.value.message
