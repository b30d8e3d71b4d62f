"""Several commands at once change one root, and what runs of it; some are killed.

The commands are those of a seed; which of them is first, the machine decides. After each turn the root is intact, what
runs is known to its supervisor and installed, and nothing is left over.
"""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from hero_build import manifest
from hero_build.services import processes
from hero_build.services.records import recorded_services
from support.processes import LONG, alive
from support.rpc_server import RpcServer, serving
from support.service_world import ServiceWorld
from support.worlds import REPO

pytestmark = pytest.mark.timeout(1800)
APPS = ("one", "two", "three")
REFUSED = (1, 3, 7, 9)
"""The exit codes of a command that another one came before: in part, not installed, busy, did not come up."""
METHODS = {"install": "service.install", "start": "service.start", "stop": "service.stop", "restart": "service.restart"}
TURNS = 6


@dataclass(frozen=True, slots=True)
class Ended:
    words: Sequence[str]
    code: int
    text: str


@pytest.fixture
def apps(stack: ServiceWorld) -> ServiceWorld:
    """Three apps in two versions: `two` has two services, and `three` needs `one`. The first two run."""
    for app, binaries in (("one", ["one_server"]), ("two", ["two_server", "two_admin"]), ("three", ["three_server"])):
        stack.service(app, *binaries, attributes='needs = ("one",)' if app == "three" else "")
        for version in ("v1", "v2"):
            stack.release_of(app, version, "ok", *binaries)
    stack.ok("install", "one@v1", "two@v1")
    stack.ok("start", "one", "two")
    return stack


def commands(chance: random.Random, turn: int, world: ServiceWorld) -> Iterator[tuple[str, ...]]:
    """Two to four commands; in the even turns all of them are about one app."""
    chosen = APPS if turn % 2 else (chance.choice(APPS),)
    for number in range(chance.randint(2, 4)):
        app, version = chance.choice(chosen), chance.choice(("v1", "v2"))
        yield chance.choice(
            (
                ("install", f"{app}@{version}"),
                ("install", f"{app}@{version}", "--restart", "--rollback-on-failure"),
                ("upgrade",),
                ("uninstall", app),
                ("delete", app),
                ("rollback",),
                ("verify", "--repair"),
                ("gc", "--keep", "2"),
                ("start", app),
                ("stop", app),
                ("restart", app),
                ("lock", "--installed", "-o", str(world.folder / f"{turn}-{number}.lock")),
            )
        )


def run(world: ServiceWorld, words: Sequence[str], server: RpcServer | None, kill_after: float | None) -> Ended:
    """Run a command, over the server's socket where it has a method for it, or end it by SIGKILL after some seconds."""
    if server and words[0] in METHODS and len(words) == 2:
        name, _, version = words[1].partition("@")
        named = {"name": name, **({"version": version} if version else {})}
        document = server.call(METHODS[words[0]], named)
        error = document.get("error", {"message": "", "data": {"exit": 0}})
        return Ended(words, error["data"]["exit"], f"error: {error['message']}")
    command = [sys.executable, "-m", "hero_build", "--wait", str(LONG), *words]
    with subprocess.Popen(
        command, env=world.environ(), cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            text, _ = process.communicate(timeout=kill_after or 2 * LONG)
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
    return Ended(words, process.returncode, text)


def check(world: ServiceWorld, *, killed: bool) -> None:
    """The root is intact, what runs is the supervisor's and installed, and nothing is left over."""
    verified = world.run("verify")
    assert verified.code == 0, verified.out + verified.err
    root = world.root
    assert not root.has_journal
    assert list(root.staging.iterdir()) == []
    assert killed or list(root.partial.iterdir()) == []
    installed = {part.app for part in manifest.load(root.path).records}
    held = {row["pid"]: row for row in world.services().values() if row["pid"]}
    strays = [item for item in processes.running_programs(root) if item.pid not in held and alive(item.pid)]
    assert strays == []
    assert {row["app"] for row in held.values()} <= installed
    assert killed or {record.app for record in recorded_services(root)} <= installed


@pytest.mark.parametrize("way", ["commands", "commands and a server", "one is killed"])
def test_many_turns(apps: ServiceWorld, way: str) -> None:
    chance = random.Random(way)
    if way == "commands and a server":
        with serving(apps) as server:
            turns(apps, chance, server, killing=False)
            assert server.is_well()
    else:
        turns(apps, chance, None, killing=way == "one is killed")
    apps.ok("install", *(f"{app}@v2" for app in APPS))
    apps.ok("start", "--reset", *APPS)
    apps.ok("install", *(f"{app}@v2" for app in APPS), "--restart")
    assert {(row["state"], row["version_running"]) for row in apps.services().values()} == {("running", "v2")}
    assert len(apps.services()) == 4
    check(apps, killed=way == "one is killed")


def turns(world: ServiceWorld, chance: random.Random, server: RpcServer | None, *, killing: bool) -> None:
    with ThreadPoolExecutor(4) as pool:
        for turn in range(TURNS):
            lines = list(commands(chance, turn, world))
            victim = chance.randrange(len(lines)) if killing else -1
            kills = [chance.uniform(0.2, 2) if number == victim else None for number in range(len(lines))]
            tasks = [
                pool.submit(run, world, words, server, kill_after)
                for words, kill_after in zip(lines, kills, strict=True)
            ]
            for ended in [task.result() for task in tasks]:
                assert "Traceback" not in ended.text, ended
                refused = ended.code in REFUSED and "error: " in ended.text
                assert ended.code == 0 or refused or (killing and ended.code == -signal.SIGKILL), ended
            if killing:  # what was interrupted is finished or undone by the next command
                world.ok("gc", "--keep", "3")
            check(world, killed=killing)
