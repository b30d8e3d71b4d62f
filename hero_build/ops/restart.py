"""Restarting as a command does it: finds the supervisors, says what is wanted of them, and tells what came of it."""

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
from hero_build.runtime import discover, selection
from hero_build.runtime.protocol import timeouts
from hero_build.runtime.restart import NotRestarted, NotRunning, Restarted, RestartSite, default_sockets, restart
from hero_build.runtime.selection import RestartRequest


class RestartOutcomes(Struct, frozen=True):
    """What was restarted, what there was nothing to restart of, and what is not well, or could not be asked for."""

    done: tuple[Restarted, ...] = ()
    idle: tuple[NotRunning, ...] = ()
    failed: tuple[Failed, ...] = ()

    @property
    def touched(self) -> frozenset[str]:
        """The apps that have a service among them."""
        return frozenset((*(item.app for item in self.done), *(item.app for item in self.idle)))


def restart_apps(apps: Sequence[str], context: Context) -> RestartOutcomes:
    """`restart APP…`: whatever they run. Raises RuntimeFailed, RootDamaged; NotFound for what is not installed."""
    installed = {part.app for part in manifest.load(context.root.path).records}
    for app in apps:
        if app not in installed:
            raise AppNotFound(f"{app} is not installed", f"`hero-build install {app}` first.")
    return _restart(selection.all_services(apps), context)


def restart_changed(apps: Sequence[str], context: Context) -> RestartOutcomes:
    """`--restart` after these were installed: what does not run as installed. The install stands, whatever happens."""
    generation = manifest.load(context.root.path)
    others = {app: context.catalog.get(app).recipe.restarts for app in apps}
    try:
        return _restart(
            selection.outdated_services(apps, root=context.root, generation=generation, restarts=others), context
        )
    except RuntimeFailed as error:
        return RestartOutcomes(failed=(Failed(apps[0] if len(apps) == 1 else "", None, error),))


def _restart(wanted: Sequence[RestartRequest], context: Context) -> RestartOutcomes:
    where = discover.sockets(context.settings, os.environ)
    patient = timeouts(context.settings)
    runtimes = discover.connect(where, patient, context.emit)
    generation = manifest.load(context.root.path)
    site = RestartSite(
        context.root,
        generation=generation,
        folder=where.services,
        sockets=lambda app, entry: _sockets(app, entry, context.catalog),
    )
    outcomes = restart(wanted, runtimes=runtimes, site=site, timeouts=patient, emit=context.emit)
    return RestartOutcomes(
        tuple(item for item in outcomes if isinstance(item, Restarted)),
        tuple(item for item in outcomes if isinstance(item, NotRunning)),
        tuple(Failed(item.app, None, item.error) for item in outcomes if isinstance(item, NotRestarted)),
    )


def _sockets(app: str, entry: InstalledArtifact, catalog: Catalog) -> tuple[str, ...]:
    """Those that the app's recipe tells of a program; a recipe that is gone or broken is no reason not to restart."""
    try:
        found = catalog.get(app)
        known = next((item for item in found.recipe.binaries if item.name == entry.name), None)
        with recipe_errors(found.path):
            return found.recipe.health(app, known or Binary(entry.name, entry.kind or "cli"))
    except HeroBuildError:
        return default_sockets(app, entry)
