"""`delete`: services that are stopped and forgotten, and apps that go with them."""

from support import roots
from support.service_world import ServiceWorld
from support.worlds import valid


def test_a_service_is_forgotten_and_can_be_started_again(stack: ServiceWorld) -> None:
    stack.service("app", "app_server", "app_admin")
    stack.release_of("app", "v1", "ok", "app_server", "app_admin")
    stack.ok("install", "app")
    stack.ok("start", "app")
    done = stack.run("delete", "app/app_admin", "--json")
    assert (done.code, valid(done.document)["forgotten"]) == (0, ["app_admin"])
    assert stack.supervisor.services() == ("app_server",)
    services = stack.services()
    assert (services["app_admin"]["wanted"], services["app_server"]["state"]) == (None, "running")
    assert stack.ok("delete", "app") == "1 service deleted\n"
    assert (stack.running(), stack.supervisor.services()) == ([], ())
    assert stack.ok("delete", "app") == "no service to delete\n"
    assert (stack.root.path / "bin" / "app_server").exists()
    stack.ok("start", "app")
    assert len(stack.running()) == 2


def test_purge_uninstalls_the_app_and_keeps_its_data(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.install("other")
    stack.ok("start", "app", "other")
    data = stack.root.path / "var" / "app" / "data"
    data.write_text("mine")
    done = stack.run("delete", "app", "--purge", "--json")
    report = valid(done.document)
    assert (done.code, [part["state"] for part in report["uninstalled"]["parts"]]) == (0, ["removed"])
    assert {part.app for part in roots.check(stack.root).records} == {"other"}
    assert [item.binary for item in stack.running()] == ["other_server"]
    assert data.read_text() == "mine"


def test_an_app_without_services_can_be_purged(stack: ServiceWorld) -> None:
    stack.service("tool", "tool")
    stack.release_of("tool", "v1", "ok", "tool")
    stack.ok("install", "tool")
    stack.ok("delete", "tool", "--purge")
    assert not roots.check(stack.root).records


def test_what_cannot_be_deleted(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.ok("start", "app")
    for words, code in ((["app/app_server", "--purge"], 2), (["nothing"], 3), (["app:"], 2)):
        assert stack.run("delete", *words).code == code
    assert len(stack.running()) == 1
