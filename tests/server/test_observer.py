"""One look for many who ask, and a new one after a change."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hero_build import settings
from hero_build.server import observer
from hero_build.server.observer import Observer
from hero_build.services import overview
from hero_build.services.overview import Known


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Every look at the root; what is in the list happens during the next one."""
    real, during = overview.known, list[Callable[[], None]]()
    monkeypatch.setattr(observer, "FRESH", 3600.0)

    def known(*arguments: object) -> Known:
        state = real(*arguments)  # type: ignore[arg-type]
        while during:
            during.pop()()
        return state

    monkeypatch.setattr(overview, "known", known)
    return during


@pytest.fixture
def watching(tmp_path: Path) -> Observer:
    return Observer(settings.read({"root": str(tmp_path / "hero")}, {}))


def test_many_who_ask_at_once_get_the_same(watching: Observer, looks: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(20) as pool:
        assert len({id(state) for state in pool.map(lambda _: watching.observe(), range(200))}) == 1


def test_after_an_operation_it_looks_again(watching: Observer, looks: list[Callable[[], None]]) -> None:
    first = watching.observe()
    watching.forget()
    assert watching.observe() is not first


def test_a_look_during_which_an_operation_ended_does_not_count(
    watching: Observer, looks: list[Callable[[], None]]
) -> None:
    looks.append(watching.forget)
    first = watching.observe()
    second = watching.observe()
    assert second is not first
    assert watching.observe() is second


def test_new_recipes_show(watching: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "FRESH", 0.0)
    assert "hero_db" in watching.apps()
