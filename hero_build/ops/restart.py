"""Restarting for a command: find the supervisors, restart, and sort the outcomes."""

import os
from collections.abc import Sequence

from msgspec import Struct

from hero_build import manifest
from hero_build.catalog.loader import Catalog, recipe_errors
from hero_build.context import Context
from hero_build.errors import AppNotFound, HeroBuildError, RuntimeFailed
from hero_build.model.artifacts import Binary
from hero_build.model.installed import InstalledArtifact
from hero_build.model.steps import Failed
from hero_build.services import selection
from hero_build.services.restart import NotRestarted, NotRunning, Restarted, RestartSite, default_sockets, restart
from hero_build.services.selection import RestartRequest
from hero_build.supervisors import discover
from hero_build.supervisors.protocol import timeouts


class RestartOutcomes(Struct, frozen=True):
    """What was restarted, the apps with nothing to restart, and the failures."""

    done: tuple[Restarted, ...] = ()
    idle: tuple[NotRunning, ...] = ()
    failed: tuple[Failed, ...] = ()

    @property
    def touched(self) -> frozenset[str]:
        """The apps of which a service was restarted, or which have none."""
        return frozenset((*(item.app for item in self.done), *(item.app for item in self.idle)))


def restart_apps(apps: Sequence[str], context: Context) -> RestartOutcomes:
    """`restart APP…`: all their services. Raises RuntimeFailed, RootDamaged; AppNotFound if one is not installed."""
    installed = {part.app for part in manifest.load(context.root.path).records}
    for app in apps:
        if app not in installed:
            raise AppNotFound(f"{app} is not installed", f"`hero-build install {app}` first.")
    return _restart(selection.all_services(apps), context)


def restart_changed(apps: Sequence[str], context: Context) -> RestartOutcomes:
    """`--restart` after an install of these: services that do not run as installed. Never undoes the install."""
    generation = manifest.load(context.root.path)
    others = {app: context.catalog.get(app).recipe.restarts for app in apps}
    try:
        return _restart(
            selection.outdated_services(apps, root=context.root, generation=generation, restarts=others), context
        )
    except RuntimeFailed as error:
        return RestartOutcomes(failed=(Failed(apps[0] if len(apps) == 1 else "", None, error),))


def _restart(requests: Sequence[RestartRequest], context: Context) -> RestartOutcomes:
    where = discover.sockets(context.settings, os.environ)
    limits = timeouts(context.settings)
    supervisors = discover.connect(where, limits, context.emit)
    generation = manifest.load(context.root.path)
    site = RestartSite(
        context.root,
        generation=generation,
        folder=where.services,
        sockets=lambda app, entry: _sockets(app, entry, context.catalog),
    )
    outcomes = restart(requests, supervisors=supervisors, site=site, timeouts=limits, emit=context.emit)
    return RestartOutcomes(
        tuple(item for item in outcomes if isinstance(item, Restarted)),
        tuple(item for item in outcomes if isinstance(item, NotRunning)),
        tuple(Failed(item.app, None, item.error) for item in outcomes if isinstance(item, NotRestarted)),
    )


def _sockets(app: str, entry: InstalledArtifact, catalog: Catalog) -> tuple[str, ...]:
    """The sockets in the recipe's `health`; a missing or broken recipe does not prevent a restart."""
    try:
        loaded = catalog.get(app)
        binary = next((item for item in loaded.recipe.binaries if item.name == entry.name), None)
        with recipe_errors(loaded.path):
            return loaded.recipe.health(app, binary or Binary(entry.name, entry.kind or "cli"))
    except HeroBuildError:
        return default_sockets(app, entry)
