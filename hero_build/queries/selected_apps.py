"""The services that a command names, grouped by app, with their status and the app's last operations."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from hero_build.errors import NotFound
from hero_build.model.services import Service
from hero_build.services import journal, overview, targets
from hero_build.services.definitions import AppServices
from hero_build.services.journal import Operation
from hero_build.services.overview import ServiceRow
from hero_build.services.service_run import ServiceRun

_OPERATIONS = 5


class SelectedApp(Struct, frozen=True):
    """`owners`: the app and its instances with the services that are named, at least one; `rows`: the status of each
    service by its name; `operations`: the newest first.
    """

    app: str
    owners: tuple[AppServices, ...]
    rows: Mapping[str, ServiceRow]
    operations: tuple[Operation, ...]

    @property
    def services(self) -> Iterator[tuple[AppServices, Service]]:
        """Each once, also where several names stand for it."""
        seen: set[str] = set()
        for owner in self.owners:
            for service in owner.services:
                if service.name not in seen:
                    seen.add(service.name)
                    yield owner, service


def selected_apps(names: Sequence[str], run: ServiceRun) -> tuple[SelectedApp, ...]:
    """Of APP, APP/BINARY, APP:INSTANCE and @SET, in their order; of a set the apps that have services.

    Raises AppNotFound, NotFound, UsageError, RecipeError.
    """
    owners: dict[str, list[AppServices]] = {}
    for target in targets.expand(names, run.site):
        if selected := targets.select(target, run.site, secrets=False):
            owners.setdefault(target.app, []).extend(selected)
    if not owners:
        raise NotFound(f"nothing of {', '.join(names)} has a service", "`hero-build status` shows what is installed.")
    state = overview.known(run.site.root, run.site.generation, run.supervisor)
    rows = overview.rows(list(owners), state)
    return tuple(
        SelectedApp(
            app,
            owners=tuple(selected),
            rows={row.name: row for row in rows[app]},
            operations=journal.operations(run.site.root, app, _OPERATIONS),
        )
        for app, selected in owners.items()
    )
