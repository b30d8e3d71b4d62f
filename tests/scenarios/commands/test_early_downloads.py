"""An app's files are fetched as soon as it is decided; nothing is installed before the whole plan stands."""

import threading

from support import mirrors
from support.fault_server import Behaviour, Connection, FaultServer, SeenRequest, document, json_answer, serve
from support.worlds import World

PATIENCE = 300  # seconds
LATE = "/api/v1/repos/o/late/releases/latest"


def two_apps(world: World, faults: FaultServer) -> tuple[Behaviour, str]:
    """The apps `early` and `late`: how the release of `late` is answered, and the path of the file of `early`."""
    late = mirrors.programs("v1", "late")
    faults.release("o/late", "v1", late)
    for app in ("early", "late"):
        mirrors.recipe(world.recipes, app)
    early = mirrors.programs("v1", "early")
    faults.release("o/early", "v1", early)
    release = document(faults.url, "v1", {name: len(data) for name, data in late.items()})
    return json_answer(release), f"/dl/v1/{next(iter(early))}"


def test_a_file_is_fetched_while_another_app_is_still_planned(world: World, faults: FaultServer) -> None:
    answer, path = two_apps(world, faults)
    fetched = threading.Event()
    content = mirrors.programs("v1", "early")[path.rpartition("/")[2]]

    def send(connection: Connection, request: SeenRequest) -> None:
        fetched.set()
        serve(content)(connection, request)

    def wait(connection: Connection, request: SeenRequest) -> None:
        if fetched.wait(PATIENCE):
            answer(connection, request)
        else:
            connection.close()

    faults.on(path, send)
    faults.on(LATE, wait)
    done = world.run("install", "early", "late", env={"FORGEJO_URL": faults.url})
    assert done.code == 0, done.err
    assert fetched.is_set()
    assert sorted(item.name for item in world.root.place("bin").iterdir()) == ["early", "late"]
    assert faults.paths().count(path) == 1


def test_nothing_is_installed_until_the_plan_stands(world: World, faults: FaultServer) -> None:
    two_apps(world, faults)
    seen: list[bool] = []

    def look(connection: Connection, request: SeenRequest) -> None:
        while not any(world.root.partial.glob("run-*/*")) and not connection.stopping.wait(0.01):
            pass  # until the file of `early` is complete
        seen.append(world.root.current.exists() or world.root.store.exists())
        connection.head(404, {"Content-Length": 0})

    faults.on(LATE, look)
    done = world.run("install", "early", "late", "--mode", "download", env={"FORGEJO_URL": faults.url})
    assert done.code == 1, done.err
    assert seen == [False]
    assert [item.name for item in world.root.place("bin").iterdir()] == ["early"]


def test_a_dry_run_fetches_no_program(world: World, faults: FaultServer) -> None:
    answer, path = two_apps(world, faults)
    faults.on(LATE, answer)
    done = world.run("install", "early", "late", "--dry-run", env={"FORGEJO_URL": faults.url})
    assert done.code == 0, done.err
    assert path not in faults.paths()
    assert not world.root.path.exists()
