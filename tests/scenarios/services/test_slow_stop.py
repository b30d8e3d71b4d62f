"""Services that take 15 s to stop: longer than they may take to start, and than a supervisor has for an answer."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support import zinit_crate
from support.supervisor_stacks import STACKS, SupervisorStack

pytestmark = [pytest.mark.slow, *zinit_crate.marks]


def test_a_restart_a_stop_and_an_upgrade_wait_for_a_slow_stop_and_kill_nothing() -> None:
    """With four supervisors side by side."""
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(_with, name) for name in ("supervisord", "zinit", "hero_router", "systemd")]
    for run in runs:
        run.result()


def _with(supervisor: str) -> None:
    with STACKS[supervisor]() as front:
        _restart_stop_and_upgrade(front)


def _restart_stop_and_upgrade(front: SupervisorStack) -> None:
    apps = ("again", "changed", "down", "newer")
    for app in apps:
        front.app(app, behaviour="stop-after:15000", patience=14.0, stop_timeout=60.0)
    front.ok("install", *apps)
    settings = front.stack.root.path / "cfg" / "hero_build.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("stall = 6\n")  # a supervisor has 9 s for an answer
    front.ok("start", *apps)
    front.stack.release_of("newer", "v2", "exit:3")
    for app in ("changed", "newer"):  # defined anew, which stops them
        front.stack.service(app, patience=14.0, stop_timeout=61.0)
    with ThreadPoolExecutor() as pool:
        again = pool.submit(front.run, "restart", "again", "changed", "--json")
        down = pool.submit(front.run, "stop", "down", "--json")
        newer = pool.submit(front.run, "upgrade", "newer", "--json")
    rows = again.result().document["restarted"]
    assert [item["tries"] for item in rows] == [1, 1], again.result().err
    (stopped,) = down.result().document["services"]
    assert (stopped["result"], stopped["seconds"] >= 15) == ("stopped", True), down.result().err
    done = newer.result()
    assert (done.code, done.document["result"]) == (9, "rolled_back"), done.err
    assert "newer_server did not come up" in done.err
    versions = {name: version for name, (_, _, version) in front.versions().items()}
    assert versions == {"again_server": "v1", "changed_server": "v1", "down_server": None, "newer_server": "v1"}
    for app in apps:
        (log,) = front.run("logs", app, "-n", "100", "--json").document["logs"]
        assert log["lines"].count("stopped cleanly") == 1
