"""hero_router as one of the supervisors of the contract tests: `hero-build serve` over a root of its own.

It defines its services itself: what a test defines becomes a recipe there, and its app is installed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hero_build.model.services import Definition
from hero_build.services.records import log_path
from hero_build.supervisors import exec_file
from hero_build.supervisors.hero_router import HeroRouter
from hero_build.supervisors.protocol import Timeouts
from support.processes import until
from support.rpc_server import serving
from support.service_world import ServiceWorld
from support.supervised import Supervised
from support.supervisor_stacks import world

RECIPE = '''"""{app}: defined by a test."""

from pathlib import Path

from hero_build.model.services import FlapLimit, SocketProbe
from hero_build.recipe import Recipe, Service, ServiceContext, server


class App(Recipe):
    repo = "o/{app}"
    binaries = (server("{binary}"),)
    instances = {instances}

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        return (Service(app=ctx.app, binary="{binary}", instance=ctx.instance, start_timeout=20.0, {fields}),)
'''


@contextmanager
def hero_router(timeouts: Timeouts) -> Iterator[Supervised]:
    with world() as router, serving(router) as server:
        supervisor = HeroRouter(server.path, timeouts)
        item = Supervised(
            supervisor,
            router.root,
            own_pid=lambda: server.pid,
            prepare=lambda definition: _define(definition, router, supervisor),
        )
        router.root.path.mkdir(exist_ok=True)
        yield item
        router.ok("stop", "@installed") if item.supervisor.services() else None


def _define(definition: Definition, router: ServiceWorld, supervisor: HeroRouter) -> None:
    binary, _, instance = definition.name.partition(":")
    app = binary.removesuffix("_server")
    environment = exec_file.read_environment(exec_file.environment_path(router.root, definition.name))
    fields = {
        "command": definition.command,
        "secret_env": tuple(environment.items()),
        "stop_signal": definition.stop_signal,
        "stop_timeout": definition.stop_timeout,
        "restart": definition.restart,
        "backoff": definition.backoff,
        "oneshot": definition.oneshot,
    }
    words = [f"{name}={value!r}" for name, value in fields.items()]
    words.append(f"folder=Path({str(definition.folder)!r})")
    words.append(f"probes=tuple(SocketProbe(Path(path)) for path in {tuple(map(str, definition.sockets))!r})")
    text = RECIPE.format(app=app, binary=binary, instances=bool(instance), fields=", ".join(words))
    (router.recipes / f"{app}.py").write_text(text)
    router.release_of(app, "v1")
    router.ok("install", app, "--wait", "100")
    log = log_path(router.root, definition.name)
    if definition.log.is_symlink():
        log.parent.mkdir(parents=True, exist_ok=True)
        log.symlink_to(definition.log)
    if instance:  # it has one as soon as it was started
        router.ok("start", f"{app}:{instance}")
    assert until(lambda: definition.name in supervisor.services())  # it looks at its root five times a second
