"""`inspect`: how the services of an app are defined, and what they do. Values of secrets are not shown."""

from msgspec import Struct

from hero_build.model.services import Probe, RestartPolicy, Service, probe_sockets
from hero_build.services import journal, overview, targets
from hero_build.services.journal import Operation
from hero_build.services.overview import ServiceRow
from hero_build.services.records import log_path
from hero_build.services.service_run import ServiceRun

_OPERATIONS = 5


class InspectedService(Struct, frozen=True):
    """A service as its recipe defines it, and as it runs. Times are seconds.

    `probes`: their addresses. `variables`: what the recipe sets; `secrets`: the names of those that are secrets.
    """

    name: str
    app: str
    instance: str
    command: tuple[str, ...]
    folder: str
    log: str
    probes: tuple[str, ...]
    ports: tuple[int, ...]
    after: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    restart: RestartPolicy
    start_timeout: float
    stop_timeout: float
    status: ServiceRow | None


class Inspection(Struct, frozen=True):
    """`file_variables`: the names that the app's environment files set; `operations`: the newest first."""

    app: str
    version: str | None
    recipe: str
    needs: tuple[str, ...]
    excludes: tuple[str, ...]
    file_variables: tuple[str, ...]
    supervisor: str
    services: tuple[InspectedService, ...]
    operations: tuple[Operation, ...]


def inspect(name: str, run: ServiceRun) -> Inspection:
    """Of APP, APP/BINARY or APP:INSTANCE. Raises AppNotFound, NotFound, UsageError, RecipeError."""
    target = targets.one(name)
    targets.expand((name,), run.site)
    owners = targets.select(target, run.site, secrets=False)
    state = overview.known(run.site.root, run.site.generation, run.supervisor)
    rows = {row.name: row for row in overview.rows([target.app], state)[target.app]}
    first = owners[0]
    recipe = first.loaded.recipe
    return Inspection(
        target.app,
        version=next((row.version_installed for row in rows.values()), None),
        recipe=str(first.loaded.path),
        needs=recipe.needs,
        excludes=recipe.excludes,
        file_variables=tuple(sorted(first.variables)),
        supervisor=run.supervisor.name,
        services=tuple(
            _service(service, rows.get(service.name), run) for owner in owners for service in owner.services
        ),
        operations=journal.operations(run.site.root, target.app, _OPERATIONS),
    )


def addresses(probe: Probe) -> tuple[str, ...]:
    """Where a probe asks."""
    paths = probe_sockets(probe)
    return tuple(map(str, paths)) or (f"127.0.0.1:{getattr(probe, 'port', 0)}",)


def _service(service: Service, row: ServiceRow | None, run: ServiceRun) -> InspectedService:
    return InspectedService(
        name=service.name,
        app=service.app,
        instance=service.instance,
        command=service.command,
        folder=str(service.folder),
        log=str(log_path(run.site.root, service.name)),
        probes=tuple(address for probe in service.probes for address in addresses(probe)[:1]),
        ports=service.ports,
        after=service.after,
        variables=service.env,
        secrets=tuple(name for name, _ in service.secret_env),
        restart=service.restart,
        start_timeout=service.start_timeout,
        stop_timeout=service.stop_timeout,
        status=row,
    )
