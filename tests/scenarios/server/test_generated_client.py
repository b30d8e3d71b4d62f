"""The client that is written from the OpenRPC document calls every method of a real server."""

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest

from hero_build.server.methods import METHODS
from support.processes import LONG
from support.rpc_server import RpcServer, serving
from support.service_world import ServiceWorld
from tools import openrpc_client


def generated(stack: ServiceWorld, server: RpcServer) -> ModuleType:
    """The client of this server, written from what it answers itself."""
    path = stack.folder / "client.py"
    path.write_text(openrpc_client.client(json.loads(server.get("/openrpc.json").body)))
    spec = importlib.util.spec_from_file_location("generated_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_calls_every_method(stack: ServiceWorld) -> None:
    stack.service("app")
    stack.release_of("app", "v1")
    with serving(stack) as server:
        module = generated(stack, server)
        client = module.Client(str(server.path), timeout=LONG)
        called, call = set[str](), client.call

        def noted(method: str, params: dict[str, Any]) -> Any:
            called.add(method)
            return call(method, params)

        client.call = noted

        assert client.rpc_health()["status"] == "ok"
        assert client.rpc_discover()["openrpc"] == "1.3.2"
        assert client.service_build("app", mode="download")["duration_ms"] >= 0
        assert client.service_install("app", mode="download", version="v1")["after"] == 1
        assert client.service_verify("app")["apps"][0]["damage"] == []
        assert client.service_start("app", reset=True)["started_at"]
        assert client.service_status("app")[0]["state"] == "running"
        assert client.service_inspect("app")["operations"][0]["method"] == "service.start"
        assert client.service_health("app")["services"][0]["healthy"]
        assert client.service_logs("app", lines=5)["logs"][0]["service"] == "app_server"
        assert client.service_troubleshoot("app")["services"][0]["problem"] == ""
        assert client.service_restart("app/app_server")["restarted_at"]
        assert client.service_upgrade("app", version="v1")["result"] == "done"
        assert [item["status"] for item in client.service_list() if item["name"] == "app"] == ["running"]
        assert [item["version"] for item in client.catalog_list()["apps"] if item["name"] == "app"] == ["v1"]
        assert client.catalog_install("app")["after"] == 1
        assert [item["latest"] for item in client.catalog_latest()["apps"]] == ["v1"]
        assert [item["number"] for item in client.catalog_history()["generations"]] == [1]
        assert client.catalog_diff(0, 1)["parts"][0]["change"] == "added"
        assert client.catalog_doctor()["checks"]
        assert client.catalog_restore(1)["after"] == 1
        with pytest.raises(module.RpcError, match="has no service stranger"):
            client.catalog_adopt("app", service="stranger", supervisor="supervisord")
        with pytest.raises(module.RpcError, match="no earlier version"):
            client.catalog_rollback("app")
        assert client.service_stop("app")["stopped_at"]
        assert client.service_delete("app", purge_binaries=True)["uninstalled"]["after"] == 2
        with pytest.raises(module.RpcError) as caught:
            client.service_start("app")
        assert (caught.value.code, caught.value.data["error"]["kind"]) == (-32001, "AppNotFound")
        assert called == set(METHODS)


def test_what_it_prints_is_a_program() -> None:
    text = openrpc_client.client(json.loads(openrpc_client.DOCUMENT.read_text()))
    compile(text, "client.py", "exec")
    assert "def service_install(self, name: str, mode: Literal['auto', 'download', 'source'] = 'auto'" in text
