"""Services over the socket, on a real supervisor: started, watched, stopped, deleted."""

import json
import os
import signal
from itertools import islice

from support import roots, rpc_server
from support.processes import alive, until
from support.rpc_server import serving
from support.service_world import ServiceWorld


def test_the_way_of_a_service(stack: ServiceWorld) -> None:
    stack.service("app", "app_server", "app_admin")
    stack.release_of("app", "v1", "ok", "app_server", "app_admin")
    with serving(stack) as server:
        assert server.result("service.install", name="app")["after"] == 1
        assert {item["state"] for item in server.result("service.status", name="app")} == {"stopped"}
        started = server.result("service.start", name="app")
        assert [item["result"] for item in started["services"]] == ["started", "started"]
        assert started["started_at"].endswith("Z")
        rows = {item["name"]: item for item in server.result("service.status", name="app")}
        assert {item["state"] for item in rows.values()} == {"running"}
        assert all(item["uptime_ms"] >= 0 and item["restart_count"] == 0 for item in rows.values())
        (row,) = server.result("service.status", name="app/app_admin")
        assert row["pid"] == rows["app_admin"]["pid"] == stack.pid("app_admin")

        again = server.result("service.restart", name="app/app_server")
        assert [item["service"] for item in again["restarted"]] == ["app_server"]
        assert not alive(rows["app_server"]["pid"])
        stopped = server.result("service.stop", name="app")
        assert {item["result"] for item in stopped["services"]} == {"stopped"}
        assert until(lambda: not stack.running())
        (listed,) = [item for item in server.result("service.list") if item["name"] == "app"]
        assert (listed["status"], listed["version_installed"]) == ("stopped", "v1")

        deleted = server.result("service.delete", name="app", purge_binaries=True)
        assert sorted(deleted["forgotten"]) == ["app_admin", "app_server"]
        assert deleted["uninstalled"]["after"] == 2
        assert not roots.check(stack.root).records
        assert server.error("service.status", name="app")["code"] == -32001


def test_a_start_may_bring_a_version(stack: ServiceWorld) -> None:
    stack.install("app", "v1")
    stack.release_of("app", "v2")
    with serving(stack) as server:
        server.result("service.start", name="app", version="v1")
        first = stack.pid("app_server")
        server.result("service.restart", name="app", version="v2")
        (row,) = server.result("service.status", name="app")
        assert (row["version_running"], row["pid"] != first) == ("v2", True)


def test_an_upgrade_that_turns_out_bad_is_undone(stack: ServiceWorld) -> None:
    stack.install("app", "v1")
    stack.ok("start", "app")
    stack.release_of("app", "v2", "exit:3")
    with serving(stack) as server:
        error = server.error("service.upgrade", name="app")
        assert (error["code"], error["data"]["exit"]) == (-32008, 9)
        (row,) = server.result("service.status", name="app")
        assert (row["state"], row["version_installed"], row["version_running"]) == ("running", "v1", "v1")
        operation = server.result("service.inspect", name="app")["operations"][0]
        assert (operation["state"], operation["before"], operation["after"]) == ("failed", 1, 2)
        stack.release_of("app", "v3")
        assert server.result("service.upgrade", name="app")["result"] == "done"
        (row,) = server.result("service.status", name="app")
        assert row["version_running"] == "v3"
        stack.ok("hold", "app")
        assert server.error("service.upgrade", name="app")["code"] == -32602
        assert server.error("service.upgrade", name="nothing")["code"] == -32001


def test_a_service_that_does_not_come_up(stack: ServiceWorld) -> None:
    stack.install("app", "v1", "exit:3")
    with serving(stack) as server:
        error = server.error("service.start", name="app")
        assert (error["code"], error["data"]["exit"], error["data"]["error"]["kind"]) == (-32008, 9, "NotHealthy")
        assert "code 3" in error["message"]
        assert stack.run("start", "app", "--json").code == 9


def test_what_is_not_there_or_cannot_be_started(stack: ServiceWorld) -> None:
    stack.service("app", "app_server", "app_tool", "app_helper")
    stack.release_of("app", "v1", "ok", "app_server", "app_tool", "app_helper")
    with serving(stack) as server:
        assert server.error("service.start", name="app")["code"] == -32001
        stack.ok("install", "app")
        assert server.error("service.start", name="nothing")["code"] == -32001
        assert server.error("service.start", name="app/app_nothing")["code"] == -32001
        for name in ("app:alpha", "app/app_tool", "app/app_helper"):
            error = server.error("service.start", name=name)
            assert (error["code"], error["data"]["field"]) == (-32602, "name"), name
        assert server.error("service.status", name="app:alpha")["code"] == -32001
        assert not stack.running()


def test_a_build_commits_nothing(stack: ServiceWorld) -> None:
    stack.service("app")
    stack.release_of("app", "v1")
    with serving(stack) as server:
        built = server.result("service.build", name="app", mode="download")
        (path,) = built["installed_paths"]
        assert os.path.getsize(path) > 0
        assert built["duration_ms"] > 0
        assert not (stack.root.path / "bin" / "app_server").exists()
        assert not roots.check(stack.root).records
        assert server.error("service.build", name="app", version="v9")["code"] == -32001


def test_events_come_in_order_and_can_be_resumed(stack: ServiceWorld) -> None:
    stack.install("app")
    with serving(stack) as server:
        stream = rpc_server.events(server)
        kind, first, snapshot = next(iter(stream))
        assert (kind, snapshot["operations"]) == ("snapshot", [])
        server.result("service.start", name="app")
        seen = []
        for event in stream:
            seen.append(event)
            if event[0] == "operation" and event[2]["operation"]["state"] == "done":
                break
        stream.close()
        states = [data["operation"]["state"] for kind, _, data in seen if kind == "operation"]
        assert states == ["queued", "running", "done"]
        assert any(data["step"]["kind"] == "service done" for kind, _, data in seen if kind == "step")
        numbers = [int(number) for _, number, _ in seen]
        assert numbers == list(range(int(first) + 1, int(first) + 1 + len(seen)))

        late = rpc_server.events(server, after=str(numbers[0]))
        assert list(islice(late, len(seen) - 1)) == seen[1:]
        late.close()


def test_operations_of_an_app_that_wait_are_visible(stack: ServiceWorld) -> None:
    stack.install("app", "v1", "bind-at-gate")
    with serving(stack) as server:
        connections = []
        for method in ("service.start", "service.stop"):
            connection = server.http()
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": "app"}}
            connection.request("POST", "/rpc", json.dumps(request), rpc_server.JSON)
            connections.append(connection)
            assert until(lambda: server.get("/health").document["operations"] == len(connections))
        stream = rpc_server.events(server)
        _, _, snapshot = next(iter(stream))
        stream.close()
        assert [item["state"] for item in snapshot["operations"]] == ["running", "queued"]
        stack.open_gate("app")
        for connection in connections:
            assert "result" in json.loads(connection.getresponse().read())
            connection.close()


def test_the_journal_outlives_the_server_and_keeps_32(stack: ServiceWorld) -> None:
    stack.install("app")
    path = stack.root.state / "operations" / "app.json"
    with serving(stack) as server:
        for _ in range(34):
            server.post(json.dumps({"jsonrpc": "2.0", "method": "service.stop", "params": {"name": "app"}}))
        assert until(lambda: server.get("/health").document["operations"] == 0)
        before = json.loads(path.read_text())["operations"]
        assert (len(before), {item["state"] for item in before}) == (32, {"done"})
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait()
    with serving(stack) as server:
        server.result("service.stop", name="app")
        after = json.loads(path.read_text())["operations"]
        assert after[:-1] == before[1:]


def test_a_killed_server_ends_no_operation(stack: ServiceWorld) -> None:
    stack.install("app", "v1", "bind-at-gate")
    path = stack.root.state / "operations" / "app.json"
    with serving(stack) as server:
        server.post(json.dumps({"jsonrpc": "2.0", "method": "service.start", "params": {"name": "app"}}))
        assert until(lambda: bool(stack.running()))
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait()
        stack.open_gate("app")
        assert until(lambda: json.loads(path.read_text())["operations"][-1]["state"] == "done")
    assert stack.services()["app_server"]["state"] == "running"


def test_a_stopped_server_interrupts_what_runs_and_says_so(stack: ServiceWorld) -> None:
    stack.install("app", "v1", "never-bind")
    path = stack.root.state / "operations" / "app.json"
    with serving(stack) as server:
        connection = server.http()
        request = {"jsonrpc": "2.0", "id": 1, "method": "service.start", "params": {"name": "app"}}
        connection.request("POST", "/rpc", json.dumps(request), rpc_server.JSON)
        assert until(lambda: path.exists() and '"running"' in path.read_text())
        assert server.stop() == (0, "")
        error = json.loads(connection.getresponse().read())["error"]
        connection.close()
        assert error["data"]["error"]["kind"] == "Interrupted"
    assert json.loads(path.read_text())["operations"][-1]["state"] == "interrupted"


def test_instances_have_their_own_names(stack: ServiceWorld) -> None:
    stack.service("app", attributes="instances = True")
    stack.release_of("app", "v1")
    stack.ok("install", "app")
    with serving(stack) as server:
        for name in ("app:alpha", "app:beta"):
            server.result("service.start", name=name)
        assert [item["name"] for item in server.result("service.status", name="app:alpha")] == ["app_server:alpha"]
        stopped = server.result("service.stop", name="app:alpha/app_server")
        assert [item["service"] for item in stopped["services"]] == ["app_server:alpha"]
        states = {item["name"]: item["state"] for item in server.result("service.status", name="app")}
        assert (states["app_server:alpha"], states["app_server:beta"]) == ("stopped", "running")
        assert server.result("service.delete", name="app:alpha")["forgotten"] == ["app_server:alpha"]
        assert server.error("service.delete", name="app:beta", purge_binaries=True)["code"] == -32602
        assert server.result("service.health", name="app:beta")["services"][0]["healthy"]
