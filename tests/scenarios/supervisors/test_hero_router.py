"""hero_router's client over a real server with the same methods: `hero-build serve`, which runs services itself."""

import pytest

from hero_build.supervisors.hero_router import HeroRouter
from hero_build.supervisors.protocol import ServiceNotDefined, Timeouts
from support.processes import alive, gone, until
from support.rpc_server import serving
from support.service_world import ServiceWorld


def test_a_server_of_apps_starts_stops_and_reports_their_services(stack: ServiceWorld) -> None:
    stack.service("app", "app_server", "app_admin")
    stack.release_of("app", "v1", "ok", "app_server", "app_admin")
    stack.ok("install", "app")
    stack.ok("start", "app")
    with serving(stack) as server:
        client = HeroRouter(server.path, Timeouts(call=30, change=60))
        assert sorted(client.services()) == ["app_admin", "app_server"]
        before = client.status("app_server")
        assert (before.state, before.pid) == ("running", stack.pid("app_server"))
        admin = client.statuses()["app_admin"].pid
        client.restart("app_server")
        assert until(lambda: client.status("app_server").pid not in (0, before.pid))
        assert gone([before.pid])
        assert client.status("app_admin").pid == admin
        client.stop("app_admin")
        assert until(lambda: client.status("app_admin").state == "stopped")
        client.start("app_admin")
        assert until(lambda: alive(client.status("app_admin").pid))
        assert client.logs("app_server", 5) == stack_log(stack, "app_server")
        with pytest.raises(ServiceNotDefined):
            client.status("other_server")


def stack_log(stack: ServiceWorld, name: str) -> tuple[str, ...]:
    path = stack.root.path / "var" / "log" / f"{name}.log"
    return tuple(path.read_text().splitlines()[-5:])
