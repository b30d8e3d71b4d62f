"""Services that a supervisor knows and no installed app owns: shown apart, never hidden and never touched."""

import os
from collections.abc import Iterable, Iterator, Mapping

from hero_build.errors import RuntimeFailed
from hero_build.model.services import SupervisedStatus
from hero_build.server.catalog_cards import RecipeCard
from hero_build.server.catalog_types import ForeignService
from hero_build.services.overview import Known
from hero_build.services.service_map import SupervisedService, owned_services, program_owners
from hero_build.settings import Settings
from hero_build.supervisors import discover
from hero_build.supervisors.protocol import Supervisor, Timeouts

_TIMEOUTS = Timeouts(call=1.0)
"""A page waits for it."""


def foreign_services(
    state: Known, cards: Mapping[str, RecipeCard], settings: Settings, own: Supervisor
) -> tuple[ForeignService, ...]:
    """Of the root's own supervisor, and of hero_router and zinit where they answer."""
    recorded = {record.name for record in state.records}
    answering = discover.answering(discover.sockets(settings, os.environ), _TIMEOUTS)
    others = [item for item in answering if item.name != own.name]
    services = [item for supervisor in (own, *others) for item in _services(supervisor)]
    owned = _owned(others, state)
    apps = {name: app for app, card in cards.items() for name in _program_names(app, card)}
    return tuple(
        ForeignService(
            status.name,
            supervisor=supervisor,
            state=status.state,
            pid=status.pid,
            app=apps.get(status.name),
        )
        for supervisor, status in services
        if status.name not in owned | recorded
    )


def _program_names(app: str, card: RecipeCard) -> Iterator[str]:
    """What its services may be called: as the app, or as one of its programs, if only by their usual names."""
    yield app
    if card.recipe.binaries:
        yield from (binary.name for binary in card.recipe.binaries)
    else:
        yield from (f"{app}_{kind}" for kind in ("server", "admin", "web"))


def _services(supervisor: Supervisor) -> Iterator[tuple[str, SupervisedStatus]]:
    try:
        yield from ((supervisor.name, status) for status in supervisor.statuses().values())
    except RuntimeFailed:
        return


def _owned(others: Iterable[Supervisor], state: Known) -> set[str]:
    """The names of services that run a program of an installed app, whatever they are called."""
    services = [SupervisedService(status, other) for other in others for _, status in _services(other)]
    owners = program_owners(state.generation)
    return {item.service.name for item in owned_services(services, owners, state.table)}
