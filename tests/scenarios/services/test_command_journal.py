"""What commands in a terminal did is in the journal that `inspect` and `troubleshoot` show."""

import subprocess
import sys

from hero_build.services import journal
from support.processes import until
from support.service_world import ServiceWorld
from support.worlds import REPO


def done(stack: ServiceWorld, app: str = "app") -> list[tuple[str, str, int | None, int | None]]:
    """Method, state and generations of each operation, the oldest first."""
    kept = reversed(journal.operations(stack.root, app))
    return [(item.method, item.state, item.before, item.after) for item in kept]


def test_each_command_that_changes_an_app_is_an_operation(stack: ServiceWorld) -> None:
    stack.service("app", start_timeout=1.5)
    stack.install("app")
    stack.ok("install", "app", "--version", "v1")
    stack.ok("start", "app")
    stack.ok("restart", "app/app_server")
    assert journal.operations(stack.root, "app", 1)[0].arguments == {"name": "app/app_server"}
    stack.release_of("app", "v2", "exit:3")
    assert stack.run("upgrade").code == 9
    stack.release_of("app", "v3")
    stack.ok("upgrade", "app")
    stack.ok("stop", "@all")
    stack.ok("rollback")
    stack.ok("uninstall", "app")
    stack.install("app")
    stack.ok("delete", "app", "--purge")
    assert done(stack) == [
        ("service.install", "done", 0, 1),
        ("service.start", "done", None, None),
        ("service.restart", "done", None, None),
        ("service.upgrade", "failed", 1, 2),
        ("service.upgrade", "done", 3, 4),
        ("service.stop", "done", None, None),
        ("catalog.restore", "done", 4, 5),
        ("uninstall", "done", 5, 6),
        ("service.install", "done", 6, 7),
        ("service.delete", "done", 7, 8),
    ]


def test_what_changes_nothing_is_no_operation(stack: ServiceWorld) -> None:
    """Nothing to do, and refused, leave the journal as it is, to the byte."""
    stack.service("app", attributes='excludes = ("other",)')
    stack.install("app")
    stack.install("other")
    stack.ok("start", "app")
    before = [(path.name, path.read_bytes()) for path in sorted(journal.folder(stack.root).iterdir())]
    for words in ("install app --version v1", "start app", "unhold app", "build app --version v1", "verify --repair"):
        stack.ok(*words.split())
    assert stack.run("start", "other").code == 8
    for words, code in (
        ("install app --version v9", 3),
        ("install nothing", 3),
        ("uninstall nothing", 3),
        ("start app:one", 2),
        ("restart app/nothing", 3),
        ("rollback 99", 3),
        ("delete app/app_server --purge", 2),
    ):
        assert stack.run(*words.split()).code == code, words
    assert [(path.name, path.read_bytes()) for path in sorted(journal.folder(stack.root).iterdir())] == before
    stack.ok("stop", "app")
    stack.ok("stop", "app")
    assert [method for method, *_ in done(stack)] == ["service.install", "service.start", "service.stop"]


def test_builds_holds_and_repairs_are_operations(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.release_of("app", "v2")
    stack.ok("build", "app")
    stack.ok("hold", "app")
    stack.ok("unhold", "app")
    program = stack.root.current.resolve() / "bin" / "app_server"
    program.chmod(0o755)
    program.write_bytes(b"damaged")
    stack.ok("verify", "--repair")
    assert [(method, state) for method, state, *_ in done(stack)] == [
        ("service.install", "done"),
        ("service.build", "done"),
        ("hold", "done"),
        ("unhold", "done"),
        ("verify --repair", "done"),
    ]


def test_inspect_and_troubleshoot_show_the_last_five(stack: ServiceWorld) -> None:
    stack.service("app", start_timeout=1.5)
    stack.install("app", behaviour="exit:3")
    assert stack.run("start", "app").code == 9
    for command in ("inspect", "troubleshoot"):
        newest, oldest = stack.run(command, "app", "--json").document["operations"]
        assert (newest["method"], newest["state"]) == ("service.start", "failed")
        assert newest["failure"]["kind"] == "NotHealthy"
        assert oldest["method"] == "service.install"
    page = " ".join(stack.run("troubleshoot", "app").out.split())
    assert "service.start failed: app_server did not come up" in page


def test_a_start_that_is_killed_is_interrupted(stack: ServiceWorld) -> None:
    stack.service("app", start_timeout=60.0)
    stack.install("app", behaviour="never-bind")
    line = [sys.executable, "-m", "hero_build", "start", "app"]
    with subprocess.Popen(line, env=stack.environ(), cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert until(lambda: bool(stack.running()))
        assert done(stack)[-1][:2] == ("service.start", "running")
        child.kill()
        child.communicate()
    assert done(stack)[-1][:2] == ("service.start", "interrupted")


def test_a_journal_that_cannot_be_written_fails_no_command(stack: ServiceWorld) -> None:
    stack.install("app")
    for path in journal.folder(stack.root).iterdir():
        path.unlink()
    journal.folder(stack.root).rmdir()
    journal.folder(stack.root).write_text("a file")
    stack.ok("start", "app")
    stack.ok("stop", "app")
    assert stack.run("start", "nobody").code == 3
