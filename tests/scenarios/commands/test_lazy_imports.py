"""What a command must not import: start-up is most of what a quick command costs."""

from pathlib import Path

import pytest

from support import mirrors
from support.fault_server import FaultServer
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")

HEAVY = {"httpx", "rich", "tenacity", "jsonschema", "pygments", "asyncio", "starlette", "uvicorn"}

FOR_OTHERS = {  # for failures, lists, dynamically linked programs, builds, islands, and what was there before
    "_hashlib",
    "hero_build.forge.http_errors",
    "hero_build.forge.pages",
    "hero_build.install.capabilities",
    "hero_build.install.islands_index",
    "hero_build.source.git.paths",
    "hero_build.system.process",
    "hero_build.verify.elf_versions",
}


def imported(world: World, *words: str) -> set[str]:
    """Every module that the interpreter imported, as it tells itself."""
    done = world.run(*words, python=("-X", "importtime"))
    assert done.code == 0, done.err
    return {line.split("|")[-1].strip() for line in done.err.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize(
    "words", [["--version"], ["list"], ["status"], ["history"], ["list", "--json"], ["completion", "bash"]]
)
def test_a_look_imports_nothing_heavy(words: list[str], world: World) -> None:
    modules = imported(world, *words)
    assert "hero_build" in modules
    assert not modules & HEAVY
    assert "hero_build.ops.install" not in modules


@pytest.mark.parametrize("words", [["--version"], ["list"], ["list", "--json"], ["--json", "list"]])
def test_what_needs_no_parsing_imports_neither_click_nor_inspect(words: list[str], world: World) -> None:
    assert not imported(world, *words) & {"click", "inspect"}


@pytest.mark.parametrize("words", [["install", "db"], ["install", "@both", "--mode", "download", "--json"]])
def test_an_install_of_names_imports_neither_click_nor_inspect(words: list[str], world: World) -> None:
    for _ in ("everything is new", "nothing is to do"):
        assert not imported(world, *words) & {"click", "inspect"}


@pytest.mark.parametrize("words", [["list"], ["list", "--json"]])
def test_list_is_the_same_with_and_without_click(words: list[str], world: World) -> None:
    world.ok("install", "db")
    by_click = world.ok(*words, "--root", str(world.root.path))
    assert "click" in imported(world, *words, "--root", str(world.root.path))
    assert world.ok(*words) == by_click


def test_nothing_to_do_by_a_lock_file_imports_nothing_heavy(world: World, tmp_path: Path) -> None:
    file = str(tmp_path / "apps.lock")
    world.ok("lock", "@both", "-o", file)
    world.ok("install", "--locked", file)
    modules = imported(world, "install", "--locked", file)
    assert "hero_build.ops.install" in modules
    assert not modules & HEAVY


def test_an_install_from_a_server_imports_no_second_http_client(world: World, faults: FaultServer) -> None:
    files = mirrors.programs("v3", "db", "db_admin")
    faults.release("o/db", "v3", {**files, "SHA256SUMS": mirrors.sums(files)})
    for _ in ("everything is new", "nothing is to do"):
        modules = imported(world, "install", "db", "--mode", "download", "--forge", faults.url)
        assert not modules & FOR_OTHERS
        assert "hero_build.forge.http_wire" in modules
        assert not modules & (HEAVY | {"http.client", "urllib.request", "email", "ssl", "idna"})


def test_list_imports_no_recipe(world: World) -> None:
    (world.recipes / "broken.py").write_text("raise SystemExit(9)\n")
    assert "broken" in world.ok("list")


def test_an_install_loads_nothing_that_restarts_services_or_publishes(world: World) -> None:
    modules = imported(world, "install", "db", "--mode", "download")
    assert "hero_build.queries.change_report" in modules
    journal = {f"hero_build.services{name}" for name in ("", ".journal", ".journaled")}
    assert not {
        name
        for name in modules - journal
        if name.startswith(("hero_build.services", "hero_build.supervisors", "hero_build.publish"))
    }
    modules = imported(world, "install", "db", "--mode", "download")
    assert not journal & modules, "nothing is to do"
