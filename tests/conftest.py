"""What every test starts from: no settings, tokens or proxies of the person who runs them."""

import os

import pytest
from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)  # a busy machine is no failure
settings.load_profile("no-deadline")

pytest_plugins = ["forge_server", "fault_server"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if (
            name.startswith(("HERO_", "FORGEJO_"))
            or name.lower().endswith("_proxy")
            or name in ("CODEROOT", "NO_COLOR")
        ):
            monkeypatch.delenv(name)
