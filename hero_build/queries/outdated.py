"""`outdated`: installed apps whose newest release is another one. It compares what came from releases."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build.context import Context
from hero_build.errors import AppNotFound, HeroBuildError
from hero_build.install.holds import held_apps
from hero_build.model.failure import Failure, exit_code, failure
from hero_build.model.installed import Generation, InstalledPart
from hero_build.queries.apps import by_app
from hero_build.queries.list import AppListing
from hero_build.queries.status import newest_tags


class OutdatedApp(Struct, frozen=True):
    """`version`: the installed one; of several parts, that of the first that differs. `held`: not upgraded."""

    name: str
    version: str
    latest: str
    held: bool


class OutdatedReport(Struct, frozen=True):
    """`compared`: the number of apps that were compared. `built` came from source, and `unknown` has no recipe: they
    were not.
    """

    apps: tuple[OutdatedApp, ...]
    compared: int
    built: tuple[str, ...]
    unknown: tuple[str, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, self.compared)


def outdated(names: Sequence[str], generation: Generation, context: Context) -> OutdatedReport:
    """Of the installed apps `names`. Raises RootDamaged."""
    downloaded = {app: parts for app, records in by_app(generation).items() if (parts := _downloaded(records))}
    asked = [app for app in names if app in downloaded]
    tags = newest_tags(asked, context)
    found = {app: tag for app, tag in tags.items() if isinstance(tag, str)}
    return OutdatedReport(
        tuple(_rows(downloaded, found, held_apps(context.root))),
        compared=len(found),
        built=tuple(app for app in names if app not in downloaded),
        unknown=tuple(app for app, error in tags.items() if isinstance(error, AppNotFound)),
        failed=tuple(
            failure(error, app)
            for app, error in tags.items()
            if isinstance(error, HeroBuildError) and not isinstance(error, AppNotFound)
        ),
    )


def only_outdated(answer: AppListing, report: OutdatedReport) -> AppListing:
    """The listed apps that are outdated, with their newest releases."""
    latest = {app.name: app.latest for app in report.apps}
    apps = tuple(replace(app, latest=latest[app.name]) for app in answer.apps if app.name in latest)
    return replace(answer, apps=apps, sets=(), failed=report.failed)


def _rows(
    downloaded: Mapping[str, tuple[InstalledPart, ...]], tags: Mapping[str, str], held: Sequence[str]
) -> list[OutdatedApp]:
    rows = []
    for app, tag in tags.items():
        differing = [record.origin.version for record in downloaded[app] if record.origin.version != tag]
        if differing:
            rows.append(OutdatedApp(app, version=differing[0], latest=tag, held=app in held))
    return rows


def _downloaded(records: tuple[InstalledPart, ...]) -> tuple[InstalledPart, ...]:
    return tuple(record for record in records if record.origin.used == "download")
