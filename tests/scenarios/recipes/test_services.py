"""How the shipped recipes run their apps: each quirk as a value, and the services of tests/world/ for real."""

import os
import shutil
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.catalog import loader
from hero_build.errors import MachineError
from hero_build.model.artifacts import Binary
from hero_build.model.services import HttpProbe, Service, probe_sockets
from hero_build.services import containers, definitions
from hero_build.services.app_context import AppContext, overlay_address
from support import rust_world
from support.processes import until
from support.service_world import ServiceWorld

SHIPPED = loader.load(())
ROOT, SOCKETS = Path("/srv/hero"), Path("/run/hero")
needs_cargo = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")


def context(app: str, *programs: str, instance: str = "", variables: Mapping[str, str] | None = None) -> AppContext:
    """As if the app were installed; `programs` are those of its recipe, if none are named."""
    recipe = SHIPPED.get(app).recipe
    known = tuple(item for item in recipe.binaries if item.kind != "cli")
    return AppContext(
        app=app,
        instance=instance,
        programs=tuple(Binary(name, recipe.kind(name)) for name in programs) or known,
        needs=(),
        root=ROOT,
        sockets=SOCKETS,
        variables=variables or {},
        environ={},
    )


def services(app: str, *programs: str, instance: str = "", variables: Mapping[str, str] | None = None) -> list[Service]:
    return list(SHIPPED.get(app).recipe.services(context(app, *programs, instance=instance, variables=variables)))


def sockets(service: Service) -> list[str]:
    """The canonical socket of each probe, below HERO_SOCKET_DIR."""
    return [str(probe_sockets(probe)[0].relative_to(SOCKETS)) for probe in service.probes]


@pytest.mark.parametrize("app", [name for name in SHIPPED.names() if SHIPPED.get(name).recipe.binaries])
def test_an_ordinary_app_has_a_service_for_each_startable_program(app: str) -> None:
    found = services(app)
    startable = [item.name for item in SHIPPED.get(app).recipe.binaries if item.kind != "cli"]
    assert [item.binary for item in found] == startable
    assert all(item.command[0] == f"/srv/hero/bin/{item.binary}" for item in found)
    assert all(item.probes for item in found)


def test_hero_db_may_have_a_port_and_older_sockets() -> None:
    server, admin = services("hero_db", variables={"HERO_DB_RESP_PORT": "6380"})
    assert (server.ports, admin.ports) == ((6380,), ())
    assert admin.probes == (
        HttpProbe(
            SOCKETS / "hero_db/admin.sock",
            older=(SOCKETS / "hero_db/ui.sock", SOCKETS / "hero_db_admin.sock", SOCKETS / "hero_db_ui.sock"),
        ),
    )
    assert services("hero_db")[0].ports == ()


@pytest.mark.parametrize("app", ["hero_voice", "hero_embedder", "hero_editor"])
def test_onnx_runtime_is_found_in_the_roots_lib(app: str) -> None:
    (server,) = services(app, f"{app}_server")
    assert dict(server.env) == {
        "LD_LIBRARY_PATH": "/srv/hero/lib",
        "ORT_DYLIB_PATH": "/srv/hero/lib/libonnxruntime.so",
    }


def test_hero_books_knows_its_data_and_the_embedder() -> None:
    assert {item.binary: dict(item.env) for item in services("hero_books")} == {
        name: {
            "HERO_BOOKS_DATA": "/srv/hero/var/hero_books",
            "HERO_EMBEDDER_URL": "unix:///run/hero/hero_embedder/rpc.sock",
        }
        for name in ("hero_books_server", "hero_books_web", "hero_books_admin")
    }


def test_hero_books_asks_the_embedder_of_another_machine() -> None:
    url = "http://[400:1::1]:8899"
    (server, *_) = services("hero_books", variables={"HERO_EMBEDDER_URL": url})
    assert dict(server.env)["HERO_EMBEDDER_URL"] == url


def test_hero_books_refuses_a_data_folder_that_it_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = replace(context("hero_books"), root=tmp_path)
    prepared.data.mkdir(parents=True)
    recipe = SHIPPED.get("hero_books").recipe
    recipe.prepare(prepared)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(MachineError, match="is not writable"):
        recipe.prepare(prepared)


def test_hero_aibroker_splits_into_a_mother_and_a_child() -> None:
    (whole,) = services("hero_aibroker", "hero_aibroker_server")
    assert whole.command == ("/srv/hero/bin/hero_aibroker_server",)
    mother, child = services("hero_aibroker", "hero_aibroker_server", variables={"HERO_AIBROKER_SPLIT": "1"})
    assert (mother.name, child.name) == ("hero_aibroker_server", "hero_aibroker_server-child")
    assert mother.command[1:] == ("--split", "mother")
    assert (child.command[1:], child.after) == (("--split", "child"), ("hero_aibroker_server",))


@pytest.mark.parametrize("app", ["hero_codescalers", "mycelium"])
def test_several_instances_share_programs_and_nothing_else(app: str) -> None:
    program = f"{app}_server"
    one, two = (services(app, program, instance=name)[0] for name in ("alpha", "beta"))
    assert (one.name, two.name) == (f"{program}:alpha", f"{program}:beta")
    assert one.command[0] == two.command[0]
    assert not {one.folder, *sockets(one)} & {two.folder, *sockets(two)}


def test_instances_are_for_apps_that_have_them() -> None:
    able = {name for name in SHIPPED.names() if SHIPPED.get(name).recipe.instances}
    assert able == {"hero_codescalers", "mycelium"}


def test_mycelium_needs_no_tun_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (node,) = services("mycelium", "mycelium", "mycelium-private")
    assert node.command == ("/srv/hero/bin/mycelium", "--no-tun")
    assert node.ports == (8989, 8990)
    assert services("mycelium", "mycelium", instance="alpha")[0].ports == ()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert services("mycelium", "mycelium")[0].command == ("/srv/hero/bin/mycelium",)
    (bus,) = services("mycelium", "mycelium_server_msg")
    assert sockets(bus) == ["mycelium/msg.sock"]


def test_hero_router_listens_on_the_overlay_and_answers_on_both_sockets(tmp_path: Path) -> None:
    (router,) = services("hero_router")
    assert sockets(router) == ["hero_router/rpc.sock", "hero_router/service.sock"]
    table = tmp_path / "if_inet6"
    table.write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n04f20000000000000000000000000001 05 40 00 80 mycelium\n"
    )
    assert overlay_address(table) == "4f2::1"
    assert overlay_address(tmp_path / "none") == ""


def test_hero_collab_reads_what_hero_livekit_writes() -> None:
    livekit = dict(services("hero_livekit")[0].env)["HERO_LIVEKIT_RUNTIME"]
    assert livekit == "/srv/hero/var/hero_livekit/runtime.json"
    assert {dict(item.env)["HERO_LIVEKIT_RUNTIME"] for item in services("hero_collab")} == {livekit}
    assert "lk-backend" not in {item.binary for item in services("hero_livekit")}


def test_hero_proc_and_hero_bundle_have_time_to_stop() -> None:
    assert {item.stop_timeout for item in [*services("hero_proc"), *services("hero_bundle")]} == {30.0}


def test_hero_do_has_nothing_to_start() -> None:
    assert services("hero_do", "hero_do_server") == []


def test_hero_onlyoffice_is_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no image is known"):
        services("hero_onlyoffice")
    (office,) = services("hero_onlyoffice", variables={"HERO_ONLYOFFICE_IMAGE": "example/office:1"})
    (tmp_path / "podman").write_text("#!/bin/sh\n")
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    secret = replace(office, secret_env=(("KEY", "s3cret"),))
    command = definitions.definition(secret, log=Path("/log"), env_file=Path("/env")).command
    assert command[:3] == (str(tmp_path / "podman"), "run", "--rm")
    assert command[-1] == "example/office:1"
    assert command[command.index("--env") :][:2] == ("--env", "KEY")
    assert "s3cret" not in " ".join(command)
    assert containers.container_name(office) == "hero-hero_onlyoffice"


def test_a_container_without_an_engine_is_refused(stack: ServiceWorld, tmp_path: Path) -> None:
    done = stack.run("start", "hero_onlyoffice")
    assert (done.code, "no image is known for hero_onlyoffice" in done.err) == (8, True)
    stack.env_file("hero_onlyoffice", "HERO_ONLYOFFICE_IMAGE=example/office:1\n")
    done = stack.run("start", "hero_onlyoffice", env={"PATH": str(tmp_path)})
    assert (done.code, "neither podman nor docker" in done.err) == (8, True), done.err


def test_a_container_runs_in_the_foreground_of_its_engine(stack: ServiceWorld, tmp_path: Path) -> None:
    """An engine that notes its words and stays: no real one is needed to see that it is supervised."""
    (tmp_path / "podman").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/words\ncase $1 in run) exec sleep 1000;; esac\n'
    )
    (tmp_path / "podman").chmod(0o755)
    stack.env_file("hero_onlyoffice", "HERO_ONLYOFFICE_IMAGE=example/office:1\n")
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = stack.run("start", "hero_onlyoffice", env=environ)
    assert done.code == 0, done.err
    removed, ran = (tmp_path / "words").read_text().splitlines()
    assert removed == "rm --force hero-hero_onlyoffice"
    assert ran.startswith("run --rm --init --name hero-hero_onlyoffice ")
    assert stack.run("stop", "hero_onlyoffice", env=environ).code == 0


@needs_cargo
def test_hero_livekit_runs_its_backend_and_replaces_one_that_was_left(stack: ServiceWorld) -> None:
    stack.rust("hero_livekit")
    stack.ok("start", "hero_livekit")
    assert rust_world.health(stack.socket("hero_livekit", "backend"))["service"] == "lk-backend"
    assert set(stack.services()) == {"hero_livekit_server", "hero_livekit_admin"}
    backend = next(item.pid for item in stack.running() if item.binary == "lk-backend")
    stack.ok("stop", "hero_livekit")
    assert until(lambda: not stack.running())
    program = stack.root.path / "bin" / "lk-backend"
    left = os.posix_spawn(program, ["lk-backend"], {"HERO_SOCKET_DIR": str(stack.root.path / "var" / "sockets")})
    assert until(lambda: rust_world.listens(stack.socket("hero_livekit", "backend")))
    done = stack.run("start", "hero_livekit/hero_livekit_server")
    assert (done.code, f"lk-backend (process {left}) was left" in done.err) == (0, True), done.err
    os.waitpid(left, 0)
    assert {item.pid for item in stack.running() if item.binary == "lk-backend"}.isdisjoint({left, backend})


@needs_cargo
def test_hero_router_and_hero_db_run_side_by_side(stack: ServiceWorld) -> None:
    stack.rust("hero_router")
    stack.rust("hero_db")
    done = stack.run("start", "hero_db", "hero_router")
    assert (done.code, done.out) == (0, "3 services started\n"), done.err
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        stack.env_file("hero_db", f"HERO_DB_RESP_PORT={port}\n")
        stack.ok("stop", "hero_db")
        done = stack.run("start", "hero_db")
    assert done.code == 1
    assert f"hero_db_server needs port {port}, which is held by process {os.getpid()}" in done.err


@needs_cargo
def test_hero_bundle_is_six_services_in_one(stack: ServiceWorld) -> None:
    """It starts, is well by six probes, is refused beside what it contains, and stops cleanly."""
    stack.rust("hero_bundle")
    stack.rust("hero_db")
    done = stack.run("start", "hero_bundle", "--json")
    assert done.code == 0, done.err
    (service,) = stack.run("health", "hero_bundle", "--json").document["services"]
    assert [(probe["healthy"], probe["status"]) for probe in service["probes"]] == [(True, 200)] * 6
    for app in ("hero_db", "hero_indexer", "hero_code", "hero_proc"):
        assert rust_world.health(stack.socket(app))["status"] == "ok"
    assert rust_world.health(stack.socket("mycelium", "msg"))["status"] == "ok"
    refused = stack.run("start", "hero_db")
    assert refused.code == 8
    assert "hero_db cannot run beside hero_bundle, which runs: they bind the same sockets" in refused.err
    assert "`hero-build stop hero_bundle` first" in refused.err
    stack.ok("stop", "hero_bundle")
    assert "stopped" in stack.ok("logs", "hero_bundle", "-n", "1")
    assert not [path for path in (stack.root.path / "var" / "sockets").rglob("*") if path.is_socket()]
    stack.ok("start", "hero_db")
    refused = stack.run("start", "hero_bundle")
    assert (refused.code, "hero_bundle cannot run beside hero_db" in refused.err) == (8, True)
    assert stack.run("start", "hero_bundle", "hero_db").code == 8


@needs_cargo
def test_hero_bundle_reads_its_configuration_and_a_missing_socket_is_seen(stack: ServiceWorld) -> None:
    stack.rust("hero_bundle")
    config = stack.root.path / "cfg" / "hero_bundle.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text("# nothing of its own\n")
    stack.ok("start", "hero_bundle")
    (program,) = stack.running()
    words = Path(f"/proc/{program.pid}/cmdline").read_bytes().split(b"\0")
    assert [os.fsdecode(word) for word in words[1:3]] == ["--config", str(config)]
    stack.socket("hero_code").unlink()
    done = stack.run("health", "hero_bundle", "--json")
    assert done.code == 9
    assert sum(not probe["healthy"] for probe in done.document["services"][0]["probes"]) == 1
    os.kill(program.pid, signal.SIGKILL)
