"""`inspect`: how the services of apps are defined, and what they do. Values of secrets are not shown."""

from collections.abc import Sequence

from msgspec import Struct

from hero_build.model.services import Probe, RestartPolicy, Service, probe_sockets
from hero_build.queries.selected_apps import SelectedApp, selected_apps
from hero_build.services.journal import Operation
from hero_build.services.overview import ServiceRow
from hero_build.services.records import log_path
from hero_build.services.service_run import ServiceRun


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


class InspectedApp(Struct, frozen=True):
    """`file_variables`: the names that the app's environment files set."""

    app: str
    version: str | None
    recipe: str
    needs: tuple[str, ...]
    excludes: tuple[str, ...]
    file_variables: tuple[str, ...]


class Inspection(Struct, frozen=True):
    """`apps`: those that were named; `services` and `operations`, each with its app, are of all of them, `operations`
    the last five of each app, its newest first. The other fields are those of the first app.
    """

    app: str
    version: str | None
    recipe: str
    needs: tuple[str, ...]
    excludes: tuple[str, ...]
    file_variables: tuple[str, ...]
    supervisor: str
    services: tuple[InspectedService, ...]
    operations: tuple[Operation, ...]
    apps: tuple[InspectedApp, ...]


def inspect(names: Sequence[str], run: ServiceRun) -> Inspection:
    """Raises AppNotFound, NotFound, UsageError, RecipeError."""
    selected = selected_apps(names, run)
    apps = tuple(map(_app, selected))
    return Inspection(
        apps[0].app,
        version=apps[0].version,
        recipe=apps[0].recipe,
        needs=apps[0].needs,
        excludes=apps[0].excludes,
        file_variables=apps[0].file_variables,
        supervisor=run.supervisor.name,
        services=tuple(
            _service(service, item.rows.get(service.name), run) for item in selected for _, service in item.services
        ),
        operations=tuple(operation for item in selected for operation in item.operations),
        apps=apps,
    )


def _app(item: SelectedApp) -> InspectedApp:
    loaded = item.owners[0].loaded
    return InspectedApp(
        item.app,
        version=next((row.version_installed for row in item.rows.values()), None),
        recipe=str(loaded.path),
        needs=loaded.recipe.needs,
        excludes=loaded.recipe.excludes,
        file_variables=tuple(sorted(item.owners[0].variables)),
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
