"""What a command needs to start, stop or look at services: needs no forge."""

import os

from hero_build import manifest
from hero_build.catalog.loader import Catalog
from hero_build.events import Emit
from hero_build.install.layout import Root
from hero_build.services.definitions import ServiceSite
from hero_build.services.service_run import ServiceRun
from hero_build.settings import Settings
from hero_build.supervisors import discover
from hero_build.supervisors.choice import choose
from hero_build.supervisors.protocol import Supervisor, timeouts


def open_run(settings: Settings, catalog: Catalog, emit: Emit) -> ServiceRun:
    """The run over the root and its supervisor. Raises RootDamaged."""
    root, limits = Root(settings.root), timeouts(settings)
    site = ServiceSite(
        root,
        sockets=settings.sockets,
        generation=manifest.load(root.path),
        catalog=catalog,
        environ=os.environ,
        emit=emit,
    )
    supervisor = supervisor_of(settings)
    answering = discover.answering(discover.sockets(settings, os.environ), limits)
    others = tuple(item for item in answering if item.name != supervisor.name)
    return ServiceRun(site, supervisor=supervisor, timeouts=limits, others=others)


def supervisor_of(settings: Settings) -> Supervisor:
    """The one that runs the services of the root. Raises UsageError."""
    return choose(settings, os.environ, timeouts(settings)).supervisor
