"""The methods that only read: they run in a thread of the server."""

import os
import time
from collections.abc import Mapping
from typing import Any

from hero_build import __version__, manifest
from hero_build.catalog.loader import load
from hero_build.queries.apps import by_app, version
from hero_build.queries.verify import VerifyReport
from hero_build.queries.verify import verify as verify_apps
from hero_build.server.call import Call
from hero_build.server.targets import known_app
from hero_build.server.types import ListedService, NameParams, NoParams, ServerHealth


def list_services(params: NoParams, call: Call) -> tuple[ListedService, ...]:
    """List all apps, whether they are installed, run and are healthy."""
    catalog, generation = load(call.settings.recipes), manifest.load(call.settings.root)
    installed = by_app(generation)
    return tuple(
        ListedService(
            name,
            status="stopped" if name in installed else "absent",
            version_installed=version(installed.get(name, ())),
            healthy=None,
        )
        for name in sorted({*catalog.files, *installed})
    )


def verify(params: NameParams, call: Call) -> VerifyReport:
    """Check the files and links of an installed app against the manifest, as `hero-build verify APP`."""
    catalog = load(call.settings.recipes)
    app = known_app(params.name, catalog, manifest.load(call.settings.root))
    return verify_apps(call.root, catalog, [app])


def health(params: NoParams, call: Call) -> ServerHealth:
    """Whether the server answers, since when, and how many operations it runs or queues."""
    uptime = int(1000 * (time.time() - call.started))
    return ServerHealth(
        "ok",
        version=__version__,
        pid=os.getpid(),
        root=str(call.root.path),
        uptime_ms=uptime,
        operations=len(call.operations()),
    )


def discover(params: NoParams, call: Call) -> Mapping[str, Any]:
    """The OpenRPC document of this server."""
    from hero_build.server.openrpc import document  # built when it is asked for

    return document()
