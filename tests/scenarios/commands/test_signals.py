"""One SIGINT or SIGTERM ends each phase of a command at once: nothing that it waits for is waited out.

A server that lets it wait does so until the test has ended, and the limits of the settings are an hour: what ends a
command here is the signal alone.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from support import refusals, roots, worlds
from support.fault_server import (
    Behaviour,
    Connection,
    FaultServer,
    SeenRequest,
    answer,
    dripping_body,
    dripping_headers,
    stall_after,
)
from support.processes import until
from support.worlds import REPO, World
from world.router_standin import Router

pytestmark = pytest.mark.usefixtures("two_apps")
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SOON = 50  # seconds, for a busy machine: an API is given 60 for an answer, and three further attempts


def silent(connection: Connection, request: SeenRequest) -> None:
    connection.stopping.wait(600)


WAITS: dict[str, Behaviour] = {
    "silent": silent,
    "dripping-headers": dripping_headers(),
    "dripping-body": dripping_body(1 << 20),
    "retry-after": answer(503, b"busy", {"Retry-After": "3600"}),
}
COMMANDS = {
    "install": ["install", "db", "web"],
    "dry-run": ["install", "db", "-n"],
    "explain": ["explain", "db"],
    "lock": ["lock", "db", "web", "-o", "apps.lock"],
    "mirror": ["mirror", "db", "web", "copy"],
    "status": ["status", "--latest"],
    "show": ["show", "db"],
}
numbers = pytest.mark.parametrize("number", ENDS)


@pytest.fixture(autouse=True)
def patient(world: World) -> None:
    folder = world.root.path / "cfg"
    folder.mkdir(parents=True)
    (folder / "hero_build.toml").write_text("connect = 3600\nstall = 3600\n")


@contextmanager
def running(world: World, *words: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "hero_build", *words]
    env = world.environ(**{"PYTHONPATH": str(REPO), **environ})
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, cwd=world.folder, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def check_end(process: "subprocess.Popen[str]", number: signal.Signals) -> str:
    """Send one signal; the process ends soon, says why, and prints a document if it was asked for one."""
    process.send_signal(number)
    out, err = process.communicate(timeout=SOON)
    assert process.returncode == ENDS[number], err
    assert err.count("error: ") == 1, err
    assert "Traceback" not in err
    if "--json" in process.args:  # type: ignore[operator]  # a list
        error = worlds.valid(json.loads(out), "error")["error"]
        assert (error["kind"], error["exit"]) == ("Interrupted", ENDS[number])
    return err


@pytest.fixture
def installed(world: World) -> World:
    world.ok("install", "db", "--version", "v1")
    return world


@numbers
@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_while_the_api_lets_wait(
    name: str, wait: str, number: signal.Signals, installed: World, faults: FaultServer
) -> None:
    for app in ("db", "web"):
        faults.on(f"/api/v1/repos/o/{app}/releases/latest", WAITS[wait])
    before = refusals.snapshot(installed.root)
    with running(installed, *COMMANDS[name], "--json", FORGEJO_URL=faults.url) as process:
        assert until(lambda: bool(faults.seen) or process.poll() is not None)
        time.sleep(random.uniform(0, 0.3))
        check_end(process, number)
    assert refusals.snapshot(installed.root) == before
    assert not (installed.folder / "apps.lock").exists()
    assert not list(installed.folder.glob("copy/o/*/v*"))


@numbers
@pytest.mark.parametrize("name", ["install", "lock", "mirror"])
def test_a_signal_while_a_download_stalls(
    name: str, number: signal.Signals, installed: World, faults: FaultServer
) -> None:
    for app in ("db", "web"):
        names = ("db", "db_admin") if app == "db" else ("web",)
        files = {f"{each}-{roots.platform()}": b"\x7fELF" + bytes(1 << 20) for each in names}
        faults.release(f"o/{app}", f"{app}-v9", files)
        for each, data in files.items():
            faults.on(f"/dl/{app}-v9/{each}", stall_after(data, 1000))
    before = refusals.snapshot(installed.root)
    with running(installed, *COMMANDS[name], "--json", FORGEJO_URL=faults.url) as process:
        assert until(lambda: any(path.startswith("/dl/") for path in faults.paths()) or process.poll() is not None)
        check_end(process, number)
    assert refusals.snapshot(installed.root).keys() >= before.keys()
    assert "v1" in installed.ok("status")


@numbers
def test_a_signal_while_another_one_holds_the_root(number: signal.Signals, installed: World) -> None:
    with locked(Root(installed.root.path)), running(installed, "install", "db", "--wait", "3600") as process:
        assert process.stderr
        while not process.stderr.readline().startswith("db: downloaded and verified"):
            assert process.poll() is None
        check_end(process, number)


@numbers
def test_a_signal_while_a_supervisor_is_silent(number: signal.Signals, installed: World) -> None:
    path = installed.folder / "zinit.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with running(installed, "restart", "db", "--json", ZINIT_SOCKET=str(path)) as process:
            connection, _ = server.accept()
            with connection:
                check_end(process, number)


@numbers
def test_a_signal_after_the_commit_says_what_was_committed(number: signal.Signals, installed: World) -> None:
    """And the undo command that it prints works."""
    path = installed.folder / "zinit.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with running(installed, "install", "db", "--restart", ZINIT_SOCKET=str(path)) as process:
            connection, _ = server.accept()
            with connection:
                err = check_end(process, number)
    assert " after generation 2 was committed" in err
    assert "Undo: hero-build rollback 1" in err
    installed.ok("rollback", "1")
    assert "generation 3" in installed.ok("status")


@numbers
@pytest.mark.parametrize("wait", ["the service stays in between", "the supervisor says no more"])
def test_a_signal_after_a_supervisor_has_accepted_a_restart(wait: str, number: signal.Signals, world: World) -> None:
    """The supervisor goes on with it; nobody waits for the end of that."""
    recipe = world.recipes / "db.py"
    recipe.write_text(recipe.read_text().replace('cli("db")', 'server("db")').replace("import ", "import server, ", 1))
    world.ok("install", "db")
    with Router(world.root.path / "var" / "sockets" / "hero_router" / "service.sock") as router:
        router.hold("db", world.root.path / "bin" / "db", "wait")
        router.services["db"].never_up = wait == "the service stays in between"
        with running(world, "restart", "db", "--json") as process:
            assert until(lambda: ("service.restart", "db") in router.asked or process.poll() is not None)
            if wait == "the supervisor says no more":
                router.troubles["service.status"] = "hang"
            seen = len(router.asked)
            assert until(lambda: len(router.asked) > seen or process.poll() is not None)
            check_end(process, number)


@numbers
def test_a_signal_while_a_name_server_is_silent(number: signal.Signals, installed: World) -> None:
    """The look-up of a name is a call into the C library, which no signal ends."""
    (installed.folder / "sitecustomize.py").write_text(SILENT_NAMES)
    path = os.pathsep.join((str(installed.folder), str(REPO)))
    environ = {"PYTHONPATH": path, "FORGEJO_URL": "https://forge.example"}
    with running(installed, "show", "db", "--json", **environ) as process:
        assert until(lambda: (installed.folder / "asked").exists() or process.poll() is not None)
        check_end(process, number)


SILENT_NAMES = """
import ctypes, pathlib, socket

def silent(*args, **more):
    pathlib.Path("asked").touch()
    libc = ctypes.CDLL(None)
    for _ in range(600):
        left = 1
        while left:
            left = libc.sleep(left)

socket.getaddrinfo = silent
"""
