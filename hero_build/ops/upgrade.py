"""`upgrade`: what is installed, asked for again the way it was asked for, at its newest version."""

from collections.abc import Sequence

from hero_build.model.artifacts import backend_of, phase_of
from hero_build.model.installed import Generation, InstalledPart, Phase
from hero_build.model.steps import Request


def requests(apps: Sequence[str], generation: Generation) -> tuple[Request, ...]:
    """One request for each app and phase of these apps that is installed, apps in the given order.

    An app that was asked for with --mode source is built from its fast-forwarded checkout; any other gets the newest
    release, in the mode that it was asked for. Of islands all are meant, as with `islands`.
    """
    first: dict[tuple[str, Phase], InstalledPart] = {}
    for part in sorted(generation.records, key=lambda part: (part.app, part.bundle or "")):
        record = generation.records[part]
        first.setdefault((part.app, phase_of(record)), record)
    return tuple(_request(record) for app in apps for (name, _), record in first.items() if name == app)


def _request(record: InstalledPart) -> Request:
    origin = record.origin
    backend, optimise = backend_of(origin) if origin.used == "source" else ("direct", True)
    return Request(
        record.id.app,
        mode=origin.requested,
        phase=phase_of(record),
        update=True,
        backend=backend,
        optimise=optimise,
    )
