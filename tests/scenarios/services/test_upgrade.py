"""Upgrades that are health-gated: the new version runs and is healthy, or the old one runs again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hero_build.install import history
from hero_build.install.recover import current_number
from hero_build.services import upgrade_journal
from hero_build.services.upgrade_journal import UpgradeState
from support import rust_world
from support.processes import until
from support.service_world import ServiceWorld
from support.worlds import REPO, Done, valid


def started(stack: ServiceWorld, *apps: str) -> None:
    """Apps of version v1, started."""
    for app in apps or ("app",):
        stack.service(app, start_timeout=1.5)
        stack.install(app)
    stack.ok("start", *(apps or ("app",)))


def versions(stack: ServiceWorld) -> dict[str, tuple[str, str, str | None]]:
    """State, installed and running version of each service."""
    return {
        name: (item["state"], item["version_installed"], item["version_running"])
        for name, item in stack.services().items()
    }


def test_an_upgrade_restarts_what_runs(stack: ServiceWorld) -> None:
    started(stack)
    before = stack.pid("app_server")
    stack.release_of("app", "v2")
    done = stack.run("upgrade", "--json")
    assert done.code == 0, done.err
    answer = valid(done.document)
    (restarted,) = answer["restart"]["restarted"]
    assert (answer["result"], restarted["pid_before"], restarted["tries"]) == ("done", before, 1)
    assert versions(stack) == {"app_server": ("running", "v2", "v2")}
    assert stack.run("upgrade").out == "nothing to do: app: v2 is installed and intact\n"
    assert stack.pid("app_server") == restarted["pid_after"]


def test_no_restart_leaves_running_what_runs(stack: ServiceWorld) -> None:
    started(stack)
    stack.release_of("app", "v2")
    stack.ok("upgrade", "--no-restart")
    assert versions(stack) == {"app_server": ("running", "v2", "v1")}
    stack.ok("restart", "app")
    assert versions(stack) == {"app_server": ("running", "v2", "v2")}


def test_an_upgrade_of_what_was_never_started_starts_nothing(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.release_of("app", "v2", "exit:3")
    done = stack.run("upgrade")
    assert (done.code, stack.running()) == (0, []), done.err


def test_what_was_stopped_stays_stopped(stack: ServiceWorld) -> None:
    started(stack)
    stack.ok("stop", "app")
    stack.release_of("app", "v2", "exit:3")
    assert stack.run("upgrade").code == 0
    assert versions(stack) == {"app_server": ("stopped", "v2", None)}


@pytest.mark.parametrize("behaviour", ["exit:3", "status:500", "never-bind"])
def test_a_version_that_does_not_come_up_is_rolled_back(stack: ServiceWorld, behaviour: str) -> None:
    started(stack)
    stack.release_of("app", "v2", behaviour)
    done = stack.run("upgrade", "--json")
    assert done.code == 9, done.err
    answer = valid(done.document)
    assert (answer["result"], answer["after"], answer["rollback"], answer["undo"]) == ("rolled_back", 2, 3, None)
    assert answer["healthy_again"] is True
    assert answer["restart"]["failed"][0]["kind"] == "NotHealthy"
    assert versions(stack) == {"app_server": ("running", "v1", "v1")}
    assert rust_world.health(stack.socket("app")) == {"status": "ok"}
    report = json.loads(Path(answer["evidence"], "report.json").read_text())
    (service,) = report["services"]
    assert (report["before"], report["after"], service["service"]) == (1, 2, "app_server")
    assert "app_server v2 starts" in service["log"]
    assert not (stack.root.state / "upgrade.json").exists()
    assert (stack.root.generation(2) / "bin" / "app_server").is_file(), "the failed generation stays"
    back = stack.run("rollback")
    assert (back.code, versions(stack)) == (3, {"app_server": ("running", "v1", "v1")}), back.err
    assert "but 2, whose services did not come up," in back.err


def test_a_version_before_that_does_not_come_up_either_is_not_healthy_again(stack: ServiceWorld) -> None:
    """What stops both is a setting that changed since the older one started."""
    started(stack)
    stack.env_file("app", "BEHAVIOUR=exit:3\n")
    (stack.root.path / "cfg" / "hero_build.toml").write_text("stall = 2\n")
    stack.release_of("app", "v2")
    done = stack.run("upgrade", "--json")
    answer = valid(done.document)
    assert (done.code, answer["result"], answer["healthy_again"]) == (9, "rolled_back", False), done.err
    assert stack.run("health", "app").code == 9


def test_the_page_of_a_rollback_says_where_the_evidence_is(stack: ServiceWorld) -> None:
    started(stack)
    stack.release_of("app", "v2", "exit:3")
    done = stack.run("upgrade")
    assert done.code == 9
    assert "rolled back, generation 3 has what was there before (logs and answers: " in done.out
    assert "app_server did not come up: it exited with code 3" in done.err
    assert "I cannot run" in done.err
    hint = " ".join(done.err.split())
    assert "The version before it is restored; " in hint
    assert "`hero-build hold app` keeps it from the next `upgrade`" in hint
    assert "Correct the cause" not in hint, "nothing is to be started"
    assert str(stack.root.state / "failed_upgrades" / "2") in done.err.replace("\n  ", "")
    stack.ok("hold", "app")
    assert stack.run("upgrade").code == 0
    assert versions(stack) == {"app_server": ("running", "v1", "v1")}


def test_exactly_what_the_upgrade_touched_is_restarted(stack: ServiceWorld) -> None:
    started(stack, "app", "good", "other")
    pids = {app: stack.pid(f"{app}_server") for app in ("app", "good", "other")}
    stack.release_of("app", "v2", "exit:3")
    stack.release_of("good", "v2")
    done = stack.run("upgrade", "app", "good")
    assert done.code == 9
    assert versions(stack) == {f"{app}_server": ("running", "v1", "v1") for app in pids}
    assert stack.pid("other_server") == pids["other"]
    assert stack.pid("good_server") != pids["good"]


def test_a_service_that_needs_what_was_upgraded_counts_too(stack: ServiceWorld) -> None:
    """`client` answers 503 while nothing listens on the socket of `app`, which counts as up without it."""
    started(stack)
    (stack.root.path / "cfg").mkdir(exist_ok=True)
    (stack.root.path / "cfg" / "hero_build.toml").write_text("stall = 2\n")
    stack.install("client", behaviour="needs-app")
    stack.ok("start", "client")
    client = stack.pid("client_server")
    stack.service("app", start_timeout=1.5, probes=())
    stack.release_of("app", "v2", "never-bind")
    done = stack.run("upgrade", "app", "--json")
    assert (done.code, done.document["result"]) == (9, "rolled_back"), done.err
    (failure,) = done.document["restart"]["failed"]
    assert failure["message"] == "client_server was healthy before the upgrade, and is not any more"
    assert versions(stack)["app_server"] == ("running", "v1", "v1")
    assert stack.pid("client_server") == client, "the upgrade did not touch it"


def test_a_service_that_was_not_well_before_undoes_nothing(stack: ServiceWorld) -> None:
    started(stack)
    stack.env_file("app", "BEHAVIOUR=exit:3\n")
    assert stack.run("restart", "app").code == 9
    stack.release_of("app", "v2")
    done = stack.run("upgrade", "--json")
    assert (done.code, done.document["result"]) == (9, "done")
    assert versions(stack)["app_server"][1] == "v2"


def test_install_rolls_back_only_if_asked(stack: ServiceWorld) -> None:
    started(stack)
    stack.release_of("app", "v2", "exit:3")
    assert stack.run("install", "app", "--rollback-on-failure").code == 2
    done = stack.run("install", "app", "--restart", "--rollback-on-failure", "--json")
    assert (done.code, done.document["result"]) == (9, "rolled_back")
    done = stack.run("install", "app", "--restart", "--json")
    assert (done.code, done.document["result"], done.document["rollback"]) == (9, "done", None)
    assert done.document["healthy_again"] is None
    assert versions(stack)["app_server"][1] == "v2"
    stack.ok("rollback", "1")
    stack.ok("restart", "app")
    assert versions(stack) == {"app_server": ("running", "v1", "v1")}


def test_without_a_version_to_return_to_its_services_are_stopped(stack: ServiceWorld) -> None:
    """What should run is not in the generation that was restored: its next install is a first one."""
    started(stack)
    history.rollback(stack.root, 0)
    stack.ok("install", "app", "--version", "v1", "--restart", "--rollback-on-failure")
    history.rollback(stack.root, 0)
    stack.release_of("app", "v2", "exit:3")
    done = stack.run("install", "app", "--restart", "--rollback-on-failure", "--json")
    assert (done.code, done.document["result"], done.document["after"]) == (9, "stopped", done.document["before"] + 1)
    assert "app was not installed before: if its services do not come up, there is no version" in done.err
    assert not stack.running()
    assert stack.services()["app_server"]["wanted"] == "stopped"


def test_restart_uses_the_start_contract(stack: ServiceWorld) -> None:
    started(stack)
    before = stack.pid("app_server")
    answer = valid(stack.run("restart", "app", "--json").document)
    (restarted,) = answer["restarted"]
    assert (restarted["service"], restarted["pid_before"]) == ("app_server", before)
    assert restarted["pid_after"] == stack.pid("app_server") != before
    stack.ok("stop", "app")
    assert stack.run("restart", "app/app_server").code == 0
    assert stack.pid("app_server")


def killed_while_restarting(stack: ServiceWorld, words: Sequence[str]) -> None:
    """Kill an upgrade once its generation is committed and its service does not come up yet."""
    line = [sys.executable, "-m", "hero_build", *words]
    with subprocess.Popen(line, env=stack.environ(), cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert until(lambda: _step(stack) == "restarting")
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()


def _step(stack: ServiceWorld) -> str:
    state = upgrade_journal.read_upgrade(stack.root)
    return state.step if state else ""


COMMANDS = ("start app", "restart app", "stop other", "install other")
NEXT = [(behaviour, command) for behaviour in ("bind-at-gate", "never-bind") for command in COMMANDS]
NEXT += [("never-bind", "rollback"), ("never-bind", "uninstall other")]


@pytest.mark.parametrize(("behaviour", "next_command"), NEXT)
def test_a_killed_upgrade_is_finished_or_undone_by_the_next_command(
    stack: ServiceWorld, behaviour: str, next_command: str
) -> None:
    """`rollback` restores what was there before the upgrade, not the upgrade that was undone."""
    version = "v1" if behaviour == "never-bind" else "v2"
    started(stack, "app", "other")
    stack.release_of("app", "v2", behaviour)
    killed_while_restarting(stack, ("upgrade", "app"))
    stack.open_gate("app")
    done = stack.run(*next_command.split())
    assert "an upgrade of app was interrupted: it is finished now, or undone" in done.err, done
    assert done.code == 0, done.err
    assert versions(stack)["app_server"] == ("running", version, version)
    assert _step(stack) == ""


@pytest.mark.parametrize("step", ["installing", "restarting", "rolling back"])
def test_every_step_of_the_journal_can_be_resumed(stack: ServiceWorld, step: upgrade_journal.UpgradeStep) -> None:
    started(stack)
    stack.release_of("app", "v2", "exit:3")
    stack.ok("upgrade", "--no-restart")
    healthy = ("app_server",)
    state = UpgradeState(step, before=1, apps=("app",), healthy=healthy, after=0 if step == "installing" else 2)
    upgrade_journal.write_upgrade(stack.root, state)
    done = _start(stack)
    assert "was interrupted" in done.err
    assert versions(stack) == {"app_server": ("running", "v1", "v1")}
    assert _step(stack) == ""


def test_every_command_that_changes_a_root_finishes_it(stack: ServiceWorld) -> None:
    """Each finds the journal of an upgrade that was killed after its commit; one that only looks leaves it."""
    started(stack)
    commands = ("delete nobody", "gc", "verify --repair", "supervisor use supervisord", "upgrade -n")
    for number, words in enumerate(commands, start=2):
        stack.release_of("app", f"v{number}")
        stack.ok("install", "app")
        before = current_number(stack.root) - 1
        state = UpgradeState("restarting", before=before, apps=("app",), healthy=("app_server",), after=before + 1)
        upgrade_journal.write_upgrade(stack.root, state)
        done = stack.run(*words.split())
        running = versions(stack)["app_server"][2]
        looks = words == "upgrade -n"
        assert ("was interrupted" in done.err, _step(stack)) == (not looks, "restarting" if looks else ""), done
        assert running == (f"v{number - 1}" if looks else f"v{number}"), words


def test_a_broken_recipe_blocks_no_rollback(stack: ServiceWorld) -> None:
    started(stack)
    stack.release_of("app", "v2")
    stack.ok("upgrade", "--no-restart")
    upgrade_journal.write_upgrade(stack.root, UpgradeState("restarting", before=1, apps=("app",), after=2))
    (stack.recipes / "_sets.py").write_text("SETS = nonsense\n")
    done = stack.run("rollback")
    assert done.code == 0, done.err
    assert "an interrupted upgrade of app waits: " in done.err
    assert current_number(stack.root) == 3


def test_a_journal_of_nothing_blocks_nothing(stack: ServiceWorld) -> None:
    started(stack)
    for text in ("", "{", '{"step": "restarting", "before": 77, "apps": ["gone"], "after": 78}'):
        (stack.root.state / "upgrade.json").write_text(text)
        assert _start(stack).code == 0
    assert _step(stack) == ""


def _start(stack: ServiceWorld) -> Done:
    return stack.run("start", "app")


def needing(stack: ServiceWorld) -> dict[str, int]:
    """`app`, `mid` which needs it, `top` which needs `mid`, and `other`, all started: their processes."""
    for app, needs in (("app", ()), ("mid", ("app",)), ("top", ("mid",)), ("other", ())):
        stack.service(app, attributes=f"needs = {needs!r}", start_timeout=3.0)
        stack.install(app)
    stack.ok("start", "app", "mid", "top", "other")
    return {app: stack.pid(f"{app}_server") for app in ("app", "mid", "top", "other")}


@pytest.mark.parametrize("words", ["upgrade", "install app --restart"])
def test_what_needs_an_app_is_restarted_after_it(stack: ServiceWorld, words: str) -> None:
    before = needing(stack)
    stack.ok("stop", "top")
    stack.release_of("app", "v2", "bind-after:200")
    done = stack.run(*words.split(), "--json")
    assert done.code == 0, done.err
    assert [item["service"] for item in done.document["restart"]["restarted"]] == ["app_server", "mid_server"]
    born = [stack.supervisor.status(f"{app}_server").since or 0 for app in ("app", "mid")]
    assert born == sorted(born)
    assert stack.pid("mid_server") != before["mid"]
    assert stack.pid("top_server") == 0, "it was stopped"
    assert stack.pid("other_server") == before["other"]


def test_what_needs_an_app_counts_and_is_restarted_again_after_a_rollback(stack: ServiceWorld) -> None:
    """`top` comes up only while `mid` is well, and `mid` only with the old `app`."""
    before = needing(stack)
    stack.env_file("top", "BEHAVIOUR=ok\n")
    stack.release_of("app", "v2")
    (stack.root.path / "cfg" / "env" / "top.env").write_text("BEHAVIOUR=exit:4\n")
    done = stack.run("upgrade", "app", "--json")
    assert (done.code, done.document["result"]) == (9, "rolled_back"), done.err
    (failure,) = done.document["restart"]["failed"]
    assert failure["message"].startswith("top_server did not come up: it exited with code 4")
    assert "warning: after the rollback: top_server did not come up" in done.err
    now = {app: stack.pid(f"{app}_server") for app in before}
    assert versions(stack)["app_server"] == ("running", "v1", "v1")
    assert (now["other"], now["top"]) == (before["other"], 0)
    assert now["mid"] not in (0, before["mid"])


def test_what_needs_an_app_that_does_not_come_up_is_left_alone(stack: ServiceWorld) -> None:
    before = needing(stack)
    stack.release_of("app", "v2", "exit:3")
    done = stack.run("install", "app", "--restart", "--json")
    assert done.code == 9
    assert len(done.document["restart"]["failed"]) == 1
    assert (stack.pid("mid_server"), stack.pid("top_server")) == (before["mid"], before["top"])
