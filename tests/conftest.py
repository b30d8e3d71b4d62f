"""What every test starts from: no settings, tokens or proxies of the person who runs them."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine does not make a test fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# What a shell starts in the background ignores interrupts, and so would all that the tests start from here.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup they would ignore a hang-up, too

# The tests start hero-build thousands of times: compiling it anew each time takes longer than most of what it does.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Pages are those of 80 columns, whatever the terminal of the person who runs them exports.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

pytest.register_assert_rewrite("support")
pytest_plugins = [
    "support.ansible_fleet",
    "support.daemons",
    "support.fault_server",
    "support.forge_fixtures",
    "support.forge_server",
    "support.leftovers",
    "support.no_network",
    "support.packs",
    "support.publish_fixtures",
    "support.schedule",
    "support.service_world",
    "support.static_server",
    "support.wasm_fixtures",
    "support.worlds",
]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if (
            name.startswith(("HERO_", "FORGEJO_"))
            or name.lower().endswith("_proxy")
            or name in ("CODEROOT", "NO_COLOR")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HERO_SUPERVISOR", "supervisord")  # not the systemd of the person who runs them


SCENARIOS = Path(__file__).parent / "scenarios"
SLOW_FIXTURES = frozenset({"forge_server", "runners", "toolchain"})


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What uses a slow fixture is slow, and so is every scenario; other tests carry the marker themselves."""
    for item in items:
        if SCENARIOS in item.path.parents or SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


FORBIDDEN = "this machine forbids it: "
"""How the reason of a skip starts that CI accepts, too: no package could change it."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI everything runs: a test that was skipped there has failed to make its machine what it needs."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    unexpected = [report for report in skipped if f"Skipped: {FORBIDDEN}" not in str(report.longrepr)]
    if os.environ.get("CI") and reporter and unexpected:
        reporter.write_line("tests were skipped, and CI expects none to be", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
