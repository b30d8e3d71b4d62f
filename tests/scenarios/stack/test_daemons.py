"""The daemons of tests/world/ bind their sockets, answer, and end on SIGTERM."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support import processes, rust_world

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
DAEMONS = {
    ("hero_code", "hero_code_server"): ("hero_code/rpc", "hero_code/editor"),
    ("hero_code", "hero_code_web"): ("hero_code/web",),
    ("hero_db", "hero_db_server"): ("hero_db/rpc", "hero_db/resp"),
    ("hero_db", "hero_db_admin"): ("hero_db/admin",),
    ("hero_foundry", "hero_foundry_server"): ("hero_foundry/rpc",),
    ("hero_foundry", "hero_foundry_web"): ("hero_foundry/web",),
    ("hero_foundry", "hero_foundry_admin"): ("hero_foundry/admin",),
    ("hero_indexer", "hero_indexer_server"): ("hero_indexer/rpc",),
    ("hero_livekit", "hero_livekit_admin"): ("hero_livekit/admin",),
    ("hero_livekit", "lk-backend"): ("hero_livekit/backend",),
    ("hero_proc", "hero_proc_server"): ("hero_proc/rpc",),
    ("hero_proc", "hero_proc_admin"): ("hero_proc/admin",),
    ("hero_router", "hero_router"): ("hero_router/rpc", "hero_router/service"),
    ("mycelium_network", "mycelium_server"): ("mycelium/rpc",),
    ("mycelium_network", "mycelium_server_msg"): ("mycelium/msg",),
}
BUNDLED = ("mycelium", "hero_db", "hero_indexer", "hero_code", "hero_proc", "hero_router")
"""The apps of hero_bundle in the order in which it starts them (RECIPES.md)."""
SOCKETS = {
    ("mycelium/msg", "mycelium_server_msg"),
    *((socket, program) for (name, program), sockets in DAEMONS.items() for socket in sockets if name in BUNDLED),
}
"""Every socket of hero_bundle, with the program that binds it where no hero_bundle runs."""


@pytest.mark.parametrize(("name", "program"), DAEMONS)
def test_a_daemon_is_healthy_until_it_is_stopped(name: str, program: str, short: Path) -> None:
    sockets = DAEMONS[name, program]
    with rust_world.running(short, rust_world.binaries(name) / program, sockets=sockets) as process:
        for socket in sockets:
            expected = {"status": "ok", "service": program, "version": "v0.1.0"}
            assert rust_world.health(short / f"{socket}.sock") == expected
        assert rust_world.get(short / f"{sockets[0]}.sock", "/other") == (404, b"{}")
        assert rust_world.ended(process) == (0, "")
    assert not [path for path in short.rglob("*") if path.is_socket()]


@pytest.mark.parametrize(
    ("name", "command", "program"),
    [
        ("hero_db", "hero_db", "hero_db_server"),
        ("hero_proc", "hero_proc", "hero_proc_server"),
        ("hero_livekit", "hero_do_hero_livekit", "hero_livekit_server"),
    ],
)
def test_a_command_asks_its_daemon(name: str, command: str, program: str, short: Path) -> None:
    folder = rust_world.binaries(name)
    environ = {"HERO_SOCKET_DIR": str(short)}
    refused = subprocess.run([folder / command], env=environ, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{command}: {name} does not answer" in refused.stderr
    with rust_world.running(short, folder / program, sockets=(f"{name}/rpc",)):
        output = subprocess.run([folder / command], env=environ, capture_output=True, text=True, check=True).stdout
    assert output == f'{{"status":"ok","service":"{program}","version":"v0.1.0"}}\n'


def test_a_daemon_takes_the_place_of_one_that_was_killed(short: Path) -> None:
    program = rust_world.binaries("hero_db") / "hero_db_admin"
    with rust_world.running(short, program, sockets=("hero_db/admin",)) as process:
        process.kill()
    assert (short / "hero_db/admin.sock").is_socket()
    with rust_world.running(short, program, sockets=("hero_db/admin",)):
        assert rust_world.health(short / "hero_db/admin.sock")["status"] == "ok"


def test_livekit_runs_its_backend_and_ends_it(short: Path) -> None:
    sockets = ("hero_livekit/rpc", "hero_livekit/backend")
    program = rust_world.binaries("hero_livekit") / "hero_livekit_server"
    with rust_world.running(short, program, sockets=sockets) as process:
        assert rust_world.health(short / "hero_livekit/rpc.sock")["service"] == "hero_livekit_server"
        assert rust_world.health(short / "hero_livekit/backend.sock")["service"] == "lk-backend"
        (backend,) = processes.children(process.pid)
        assert rust_world.ended(process) == (0, "lk-backend: exit status: 0\n")
    assert not processes.alive(backend)
    assert not [path for path in short.rglob("*") if path.is_socket()]


def test_livekit_without_its_backend_says_so(short: Path) -> None:
    shutil.copy(rust_world.binaries("hero_livekit") / "hero_livekit_server", short)
    environ = {"HERO_SOCKET_DIR": str(short)}
    done = subprocess.run([short / "hero_livekit_server"], env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert "lk-backend: No such file" in done.stderr


def test_hero_bundle_smoke(short: Path) -> None:
    """As its recipe's row says: an isolated folder, all sockets, health over each, the order, SIGTERM, a clean end."""
    program = rust_world.binaries("hero_bundle") / "hero_bundle"
    with rust_world.running(short, program, sockets=[socket for socket, _ in SOCKETS]) as process:
        bound = {f"{path.parent.name}/{path.stem}": path for path in short.rglob("*.sock")}
        assert {(name, rust_world.health(path)["service"]) for name, path in bound.items()} == SOCKETS
        born = [min(path.stat().st_mtime_ns for path in (short / app).iterdir()) for app in BUNDLED]
        assert born == sorted(born)
        code, out = rust_world.ended(process)
    assert (code, out.splitlines()) == (0, [*(f"started {name}" for name in BUNDLED), "stopped"])
    assert not [path for path in short.rglob("*") if path.is_socket()]


def test_hero_bundle_says_what_it_is(short: Path) -> None:
    program = rust_world.binaries("hero_bundle") / "hero_bundle"

    def output(*words: str) -> tuple[int, str, str]:
        done = subprocess.run([program, *words], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    assert output("--info") == (0, "".join(f"{name}\n" for name in BUNDLED), "")
    code, usage, _ = output("--help")
    assert (code, usage.split(None, 2)[:2]) == (0, ["usage:", "hero_bundle"])
    assert output("--version") == (2, "", usage)
    assert output("--config", str(short / "none")) == (
        1,
        "",
        f"hero_bundle: {short / 'none'}: No such file or directory (os error 2)\n",
    )


def test_hero_bundle_is_configured(short: Path) -> None:
    (short / "bundle.toml").write_text(f'socket_dir = "{short / "x"}"\n')
    program = rust_world.binaries("hero_bundle") / "hero_bundle"
    command = (program, "--config", short / "bundle.toml")
    with rust_world.running(short, *command, sockets=["x/hero_router/service"]) as process:
        assert rust_world.health(short / "x/hero_router/service.sock")["service"] == "hero_router"
        assert rust_world.ended(process)[0] == 0
