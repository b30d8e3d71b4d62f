"""Services that zinit or hero_router run and that `start` did not start: an upgrade restarts and judges them, too."""

import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hero_build import manifest
from support import rust_world, zinit_crate, zinit_server
from support.processes import until
from support.supervisor_stacks import STACKS, SupervisorStack
from support.worlds import REPO


@pytest.fixture(params=[pytest.param("zinit", marks=zinit_crate.marks), "hero_router"])
def front(request: pytest.FixtureRequest) -> Iterator[SupervisorStack]:
    with STACKS[request.param]() as made:
        yield made


def started(front: SupervisorStack, app: str, *, again: bool = False) -> None:
    """Installed in the root, started by the supervisor's own means. `again`: it was before."""
    front.ok("install", app)
    front.stack.socket(app).parent.mkdir(parents=True, exist_ok=True)
    if front.router is not None:
        sockets = {"HERO_SOCKET_DIR": str(front.stack.socket(app).parents[1])}
        done = front.router.run("start", app, env=sockets)
        assert done.code == 0, done.err
    elif again:
        zinit_server.call(front.stack.folder, "service.start", {"name": f"{app}_server"})
    else:
        program = front.stack.root.path / "bin" / f"{app}_server"
        sockets_folder = front.stack.socket(app).parents[1]
        line = f"env HERO_SOCKET_DIR={shlex.quote(str(sockets_folder))} {shlex.quote(str(program))}"
        lifecycle = {"restart": "on-failure", "max_restarts": 2, "restart_delay_ms": 50}
        config = {"service": {"name": f"{app}_server", "exec": line}, "lifecycle": lifecycle}
        zinit_server.call(front.stack.folder, "service.set", {"config": config})
    assert until(lambda: rust_world.listens(front.stack.socket(app)))


def test_an_upgrade_is_rolled_back_where_they_do_not_come_up(front: SupervisorStack) -> None:
    front.app("app", start_timeout=3.0)
    started(front, "app")
    front.stack.release_of("app", "v2")
    done = front.run("upgrade", "--json")
    assert (done.code, done.document["result"]) == (0, "done"), done.err
    assert front.versions() == {"app_server": ("running", "v2", "v2")}
    for version, behaviour in (("v3", "exit:3"), ("v4", "once")):
        front.stack.release_of("app", version, behaviour)
        done = front.run("upgrade", "--json")
        assert (done.code, done.document["result"]) == (9, "rolled_back"), (version, done.err)
        assert "warning: after the rollback" not in done.err
        assert front.versions() == {"app_server": ("running", "v2", "v2")}
        assert rust_world.health(front.stack.socket("app")) == {"status": "ok"}


def test_an_upgrade_that_is_killed_while_they_do_not_come_up_is_undone_by_the_next_command(
    front: SupervisorStack,
) -> None:
    front.app("app", start_timeout=10.0)
    started(front, "app")
    front.stack.release_of("app", "v2", "never-bind")
    command = [sys.executable, "-m", "hero_build", "upgrade", "app"]
    environ = front.stack.environ(HERO_SUPERVISOR="auto")
    with subprocess.Popen(command, env=environ, cwd=REPO, stderr=subprocess.DEVNULL) as child:
        assert until(lambda: front.versions() == {"app_server": ("running", "v2", "v2")})
        child.kill()
    (front.stack.root.path / "cfg").mkdir(parents=True, exist_ok=True)
    (front.stack.root.path / "cfg" / "hero_build.toml").write_text("stall = 3\n")
    front.app("other")
    done = front.run("install", "other")
    assert done.code == 0, done.err
    assert "an upgrade of app was interrupted: it is finished now, or undone" in done.err
    # hero_router has the restart in its queue, behind the start that the killed command asked for
    assert until(lambda: front.versions()["app_server"] == ("running", "v1", "v1"))
    assert until(lambda: rust_world.listens(front.stack.socket("app")))
    assert rust_world.health(front.stack.socket("app")) == {"status": "ok"}


def test_what_was_not_well_before_undoes_nothing(front: SupervisorStack) -> None:
    (front.stack.root.path / "cfg").mkdir(parents=True)
    (front.stack.root.path / "cfg" / "hero_build.toml").write_text("stall = 3\n")
    front.app("app", start_timeout=3.0, **({"probes": ()} if front.router else {}))
    front.stack.release_of("app", "v1", "status:500")
    started(front, "app")
    front.stack.release_of("app", "v2", "status:500")
    done = front.run("upgrade", "--json")
    assert (done.code, done.document["result"]) == (9, "done"), done.err
    assert front.versions() == {"app_server": ("running", "v2", "v2")}


def test_what_needs_them_is_restarted_after_them(front: SupervisorStack) -> None:
    front.app("app")
    front.app("client", attributes='needs = ("app",)')
    for app in ("app", "client"):
        started(front, app)
    before = front.services()["client_server"]["pid"]
    front.stack.release_of("app", "v2")
    done = front.run("upgrade", "app", "--json")
    assert done.code == 0, done.err
    assert [item["service"] for item in done.document["restart"]["restarted"]] == ["app_server", "client_server"]
    assert front.services()["client_server"]["pid"] != before
    assert front.versions() == {"app_server": ("running", "v2", "v2"), "client_server": ("running", "v1", "v1")}


def test_what_they_run_of_an_app_that_goes_ends_before_its_files(front: SupervisorStack) -> None:
    """`--exact`, a rollback to a generation without the app, and `uninstall`."""
    front.app("other")
    front.ok("install", "other")
    front.ok("lock", "other", "-o", str(front.stack.folder / "other.lock"))
    front.app("app")
    exact = ("--locked", str(front.stack.folder / "other.lock"), "--exact", "--restart", "--rollback-on-failure")
    for words in (("install", *exact), ("rollback", "1"), ("uninstall", "app")):
        started(front, "app", again=words[0] != "install")
        done = front.run(*words, "--json")
        assert (done.code, done.document["warnings"]) == (0, []), (words, done.err)
        assert "app" not in {part.app for part in manifest.load(front.stack.root.path).records}
        assert [item.binary for item in front.stack.running() if item.binary == "app_server"] == [], words


def test_what_went_runs_again_after_a_rollback(front: SupervisorStack) -> None:
    front.app("app")
    started(front, "app")
    front.app("other", start_timeout=3.0)
    started(front, "other")
    front.stack.release_of("other", "v2", "exit:3")
    file = str(front.stack.folder / "other.lock")
    front.ok("lock", "other", "-o", file)
    done = front.run("install", "--locked", file, "--exact", "--restart", "--rollback-on-failure", "--json")
    assert (done.code, done.document["result"], done.document["healthy_again"]) == (9, "rolled_back", True), done.err
    assert front.versions() == dict.fromkeys(("app_server", "other_server"), ("running", "v1", "v1"))
