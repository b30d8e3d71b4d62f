"""hero_router's client over a real server with the same methods: `hero-build serve`, which runs services itself."""

import pytest

from hero_build.errors import Unsupported
from hero_build.supervisors.hero_router import HeroRouter
from hero_build.supervisors.protocol import ServiceNotDefined, Timeouts
from hero_build.supervisors.rpc import RpcError
from support.processes import alive, gone, until
from support.router_supervised import hero_router
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


def test_what_it_does_otherwise_than_the_others() -> None:
    """It defines its services itself, waits until one is up, and refuses one that does not come up."""
    with hero_router(Timeouts(call=60, change=120)) as item:
        client = item.supervisor
        with pytest.raises(Unsupported, match="has no service other_server and defines its services itself"):
            client.define(item.definition("other_server"))
        item.define(item.definition("app_server", "test -e stay && exec sleep 1000; exit 3", restart="never"))
        assert client.definition("app_server") is None
        for _ in range(3):  # two attempts each: then it is flapping
            with pytest.raises(RpcError, match=r"app_server did not come up: it exited with code 3|is flapping"):
                client.restart("app_server")
        assert client.status("app_server").state == "flapping"
        (item.root.path / "stay").touch()
        client.start("app_server")
        assert client.status("app_server").is_running
        client.forget("app_server")
        assert (client.services(), client.status("app_server").state) == (("app_server",), "stopped")
        client.forget("other_server")
