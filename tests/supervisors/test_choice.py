"""Which supervisor is chosen: the one that is named, the one that has the services, or the first that is there."""

from pathlib import Path

import pytest

from hero_build import settings
from hero_build.errors import UsageError
from hero_build.install.layout import Root
from hero_build.model.services import Definition
from hero_build.supervisors import choice
from hero_build.supervisors.choice import SupervisorChoice, choose
from hero_build.supervisors.definitions import DefinitionFolder
from support.daemons import QUICK, Machine


def chosen(root: Path, **environ: str) -> SupervisorChoice:
    read = settings.read({"root": str(root)}, dict(environ))
    return choose(read, environ, QUICK)


def definition(root: Path) -> Definition:
    return Definition(name="app_server", command=("/bin/true",), folder=root, log=root / "log")


@pytest.fixture(autouse=True)
def not_booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_BOOTED", tmp_path / "no-systemd")


def test_without_any_it_is_the_one_that_needs_nothing_installed(tmp_path: Path) -> None:
    item = chosen(tmp_path)
    assert (item.supervisor.name, item.stored) == ("supervisord", False)
    assert item.why == "neither hero_router, zinit nor systemd runs here"


def test_systemd_is_chosen_where_it_runs_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_BOOTED", tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert chosen(tmp_path).supervisor.name == "systemd"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    item = chosen(tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
    assert (item.supervisor.name, item.why) == (
        "supervisord",
        "systemd runs this machine, but no manager of this user's services",
    )


def test_a_router_that_answers_comes_first_and_one_that_does_not_is_passed_over(machine: Machine) -> None:
    with machine.router() as router:
        assert chosen(machine.root.path).supervisor.name == "hero_router"
        router.troubles["service.list"] = "garbage"
        assert chosen(machine.root.path).supervisor.name == "supervisord"


@pytest.mark.parametrize("name", ["systemd", "zinit", "supervisord", "hero_router"])
def test_the_one_that_is_named_is_used(tmp_path: Path, name: str) -> None:
    item = chosen(tmp_path, HERO_SUPERVISOR=name)
    assert (item.supervisor.name, item.why) == (name, "HERO_SUPERVISOR names it")


def test_the_first_definition_stores_the_choice_and_the_last_one_forgets_it(machine: Machine) -> None:
    root = machine.root.path
    folder = DefinitionFolder(Root(root), "supervisord")
    folder.write(definition(root))
    with machine.router():
        item = chosen(root)
        assert (item.supervisor.name, item.stored) == ("supervisord", True)
        assert item.supervisor.definition("app_server") == definition(root)
        folder.remove("app_server")
        assert chosen(root).supervisor.name == "hero_router"


def test_another_one_than_that_which_has_the_services_is_an_error(tmp_path: Path) -> None:
    DefinitionFolder(Root(tmp_path), "supervisord").write(definition(tmp_path))
    with pytest.raises(UsageError) as caught:
        chosen(tmp_path, HERO_SUPERVISOR="zinit")
    assert caught.value.message == f"supervisord has the services of {tmp_path}, and HERO_SUPERVISOR names zinit"
    assert "`hero-build supervisor use zinit` moves them" in caught.value.hint


def test_an_unknown_name_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'upstart' is not a supervisor"):
        chosen(tmp_path, HERO_SUPERVISOR="upstart")
