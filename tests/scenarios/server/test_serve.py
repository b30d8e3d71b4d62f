"""`hero-build serve`: its socket, its addresses, one server at a time, and its end."""

import json
import os
import signal
import stat
from pathlib import Path

from support import roots, rpc_server, worlds
from support.processes import LONG, until
from support.rpc_server import ended, serving
from support.worlds import World


def test_the_addresses_of_the_server(home: World) -> None:
    with serving(home) as server:
        health = server.get("/health").document
        assert (health["status"], health["pid"], health["root"]) == ("ok", server.pid, str(home.root.path))
        assert health.keys() == server.result("rpc.health").keys()
        about = server.get("/.well-known/heroservice.json").document
        assert (about["name"], about["rpc"]) == ("hero_build", "/rpc")
        document = server.get("/openrpc.json").document
        assert document == json.loads((worlds.REPO / "docs" / "openrpc.json").read_text())
        assert server.result("rpc.discover") == document
        assert server.get("/nothing").status == 404


def test_the_socket_is_for_its_user_only(home: World) -> None:
    folder = home.root.path / "var" / "sockets" / "hero_build"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with serving(home) as server:
        assert server.path == folder / "service.sock"
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_first_document_is_the_answer_of_the_command(home: World) -> None:
    with serving(home) as server:
        assert server.stop() == (0, "")
        assert not server.path.exists()


def test_a_second_server_is_refused_while_the_first_answers(home: World) -> None:
    with serving(home) as server:
        done = home.run("serve", "--json")
        assert (done.code, worlds.valid(done.document, "error")["error"]["kind"]) == (7, "LockHeld")
        assert server.is_well()
        server.process.kill()
        assert ended(server.pid)
        assert server.path.exists()
        with serving(home) as second:
            assert (second.path, second.is_well()) == (server.path, True)


def test_a_path_that_is_no_socket_is_in_the_way(home: World) -> None:
    path = home.root.path / "var" / "sockets" / "hero_build" / "service.sock"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    done = home.run("serve")
    assert (done.code, path.read_text()) == (8, "mine"), done.err


def test_a_path_that_is_too_long_for_a_socket(home: World) -> None:
    folder = home.folder / ("s" * 100)
    done = home.run("serve", env={"HERO_SOCKET_DIR": str(folder)})
    assert done.code == 8, done.err
    assert "HERO_SOCKET_DIR" in done.err
    assert not folder.exists()


def test_an_interrupt_ends_it(home: World) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        with serving(home) as server:
            os.kill(server.pid, number)
            _, err = server.process.communicate(timeout=LONG)
            assert (server.process.returncode, err) == (0, "")


def test_an_install_is_that_of_the_command(home: World) -> None:
    home.recipe("db", "db", "db_admin")
    home.release("db", "v1", "db", "db_admin")
    with serving(home) as server:
        report = server.result("service.install", name="db")
        assert (report["before"], report["after"], [part["state"] for part in report["parts"]]) == (0, 1, ["installed"])
        assert set(roots.check(home.root).records) != set()
        assert server.result("service.install", ["db"])["after"] == 1
        verified = server.result("service.verify", name="db")
        assert [(app["name"], app["damage"]) for app in verified["apps"]] == [("db", [])]
        (listed,) = [item for item in server.result("service.list") if item["name"] == "db"]
        assert listed["version_installed"] == "v1"


def test_a_failure_is_the_error_document_of_the_command(home: World) -> None:
    home.recipe("db")
    with serving(home) as server:
        error = server.error("service.install", name="db", mode="download")
        done = home.run("install", "db", "--mode", "download", "--json")
        failed = done.document["failed"][0]
        assert (error["code"], error["message"]) == (-32001, failed["message"])
        assert error["data"]["error"] == failed
        assert error["data"]["exit"] == done.code == 3


def test_a_client_that_goes_away_cancels_nothing(home: World) -> None:
    home.recipe("db")
    home.release("db", "v1")
    with serving(home) as server:
        connection = server.http()
        request = {"jsonrpc": "2.0", "id": 1, "method": "service.install", "params": {"name": "db"}}
        connection.request("POST", "/rpc", json.dumps(request), rpc_server.JSON)
        connection.close()
        assert until((home.root.path / "bin" / "db").exists)
        assert until(lambda: server.get("/health").document["operations"] == 0)


def test_the_token_reaches_the_forge_alone(home: World) -> None:
    """Not the environment of an operation, which recipes and build scripts see, nor anything that is written."""
    seen = home.folder / "seen"
    path = home.recipe("db")
    code = f"\nimport os\nwith open({str(seen)!r}, 'a') as file:\n    print(sorted(os.environ), file=file)\n"
    path.write_text(path.read_text() + code)
    home.release("db", "v1")
    with serving(home, env={"FORGEJO_TOKEN": "secret-token"}) as server:
        stream = rpc_server.events(server)
        server.result("service.install", name="db")
        assert "secret-token" not in str(next(iter(stream)))
        stream.close()
        environ = Path(f"/proc/{server.pid}/environ")
        try:
            assert b"secret-token" not in environ.read_bytes()
        except PermissionError:
            assert os.geteuid() != 0
        assert server.stop() == (0, "")
    assert "HERO_ROOT" in seen.read_text()
    assert "FORGEJO_TOKEN" not in seen.read_text()
    written = [path for path in home.root.path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in written if b"secret-token" in path.read_bytes()] == []
