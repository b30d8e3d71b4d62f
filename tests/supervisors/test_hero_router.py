"""hero_router as a supervisor: what of the Protocol is its own to do, over a stand-in with its methods."""

import pytest

from hero_build.errors import Unsupported
from hero_build.model.services import Definition
from hero_build.supervisors.hero_router import HeroRouter
from hero_build.supervisors.protocol import ServiceNotDefined
from support.daemons import QUICK, Machine
from support.processes import until


def definition(machine: Machine, name: str) -> Definition:
    return Definition(name=name, command=("/bin/true",), folder=machine.root.path, log=machine.root.path / "log")


def test_it_starts_stops_and_reports_what_it_has(machine: Machine) -> None:
    with machine.router() as router:
        router.hold("app_server", "sleep", "1000", up=False)
        client = HeroRouter(machine.sockets.router, QUICK)
        assert client.statuses()["app_server"].state == "stopped"
        client.start("app_server")
        assert until(lambda: client.status("app_server").is_running)
        pid = client.status("app_server").pid
        client.restart("app_server")
        assert until(lambda: client.status("app_server").pid not in (0, pid))
        client.forget("app_server")
        assert until(lambda: client.status("app_server").is_stopped)


def test_what_it_does_not_have_is_not_defined_in_it(machine: Machine) -> None:
    with machine.router() as router:
        router.hold("app_server", "sleep", "1000", up=False)
        client = HeroRouter(machine.sockets.router, QUICK)
        client.define(definition(machine, "app_server"))
        assert client.definition("app_server") is None
        with pytest.raises(Unsupported, match="defines its services itself"):
            client.define(definition(machine, "other_server"))
        client.forget("other_server")
        with pytest.raises(ServiceNotDefined):
            client.status("other_server")


def test_its_logs_are_read_and_followed(machine: Machine) -> None:
    with machine.router() as router:
        held = router.hold("app_server", "sleep", "1000", up=False)
        held.lines += ["one", "two"]
        client = HeroRouter(machine.sockets.router, QUICK)
        assert client.logs("app_server", 1) == ("two",)
        assert client.logs("app_server", 0) == ()
        followed = client.follow("app_server", 1)
        assert next(followed) == "two"
        held.lines += ["two", "three"]
        assert (next(followed), next(followed)) == ("two", "three")
