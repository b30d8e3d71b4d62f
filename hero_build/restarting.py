"""Restarting as a command does it: finds the supervisors, says what is wanted of them, and tells what came of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from hero_build import manifest
from hero_build.artifact import Binary
from hero_build.catalog import Catalog, asking
from hero_build.errors import AppNotFound, HeroBuildError, RuntimeFailed
from hero_build.model import Failed
from hero_build.record import Entry
from hero_build.runtime import connect, wants
from hero_build.runtime.protocol import patience
from hero_build.runtime.restart import NotRestarted, NotRunning, Restarted, Site, restart, usual_sockets
from hero_build.runtime.wants import Want
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class Restarts:
    """What was restarted, what there was nothing to restart of, and what is not well, or could not be asked for."""

    done: tuple[Restarted, ...] = ()
    idle: tuple[NotRunning, ...] = ()
    failed: tuple[Failed, ...] = ()

    @property
    def touched(self) -> frozenset[str]:
        """The apps that have a service among them."""
        return frozenset((*(item.app for item in self.done), *(item.app for item in self.idle)))


def named(apps: Sequence[str], tools: Tools) -> Restarts:
    """`restart APP…`: whatever they run. Raises RuntimeFailed, RootDamaged; NotFound for what is not installed."""
    installed = {part.app for part in manifest.load(tools.root.path).records}
    for app in apps:
        if app not in installed:
            raise AppNotFound(f"{app} is not installed", f"`hero-build install {app}` first.")
    return _restart(wants.every(apps), tools)


def changed(apps: Sequence[str], tools: Tools) -> Restarts:
    """`--restart` after these were installed: what does not run as installed. The install stands, whatever happens."""
    generation = manifest.load(tools.root.path)
    others = {app: tools.catalog.get(app).recipe.restarts for app in apps}
    try:
        return _restart(wants.changed(apps, tools.root, generation, others), tools)
    except RuntimeFailed as error:
        return Restarts(failed=(Failed(apps[0] if len(apps) == 1 else "", None, error),))


def _restart(wanted: Sequence[Want], tools: Tools) -> Restarts:
    where = connect.sockets(tools.settings, os.environ)
    patient = patience(tools.settings)
    runtimes = connect.connect(where, patient, tools.emit)
    generation = manifest.load(tools.root.path)
    site = Site(tools.root, generation, where.services, lambda app, entry: _sockets(app, entry, tools.catalog))
    outcomes = restart(wanted, runtimes, site, patient, tools.emit)
    return Restarts(
        tuple(item for item in outcomes if isinstance(item, Restarted)),
        tuple(item for item in outcomes if isinstance(item, NotRunning)),
        tuple(Failed(item.app, None, item.error) for item in outcomes if isinstance(item, NotRestarted)),
    )


def _sockets(app: str, entry: Entry, catalog: Catalog) -> tuple[str, ...]:
    """Those that the app's recipe tells of a program; a recipe that is gone or broken is no reason not to restart."""
    try:
        found = catalog.get(app)
        known = next((item for item in found.recipe.binaries if item.name == entry.name), None)
        with asking(found.path):
            return found.recipe.health(app, known or Binary(entry.name, entry.kind or "cli"))
    except HeroBuildError:
        return usual_sockets(app, entry)
