"""The other methods of the page that only read: newest versions, history, the machine's checks."""

import os

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.install.history import list_generations
from hero_build.install.recover import current_number
from hero_build.model.installed import InstalledPart
from hero_build.queries.apps import by_app, main
from hero_build.queries.diff import Diff, pair
from hero_build.queries.diff import diff as compare
from hero_build.queries.doctor import DoctorReport
from hero_build.queries.doctor import doctor as check_machine
from hero_build.queries.history import History
from hero_build.queries.history import history as query_history
from hero_build.queries.status import newest_tags
from hero_build.server.call import Call
from hero_build.server.catalog_types import CatalogDiffParams, CatalogLatestParams, LatestVersion, LatestVersions
from hero_build.server.types import NoParams
from hero_build.services import journal
from hero_build.system.plain_text import clean


def latest(params: CatalogLatestParams, call: Call) -> LatestVersions:
    """The newest releases of the installed apps; the forge is asked every 15 minutes, and where `refresh` is set."""
    return call.memory.latest.get(lambda: _ask_forge(call), fresh=params.refresh)


def history(params: NoParams, call: Call) -> History:
    """List the generations of this root, oldest first, with their changes, as `hero-build history`."""
    return query_history(str(call.root.path), current_number(call.root), list_generations(call.root))


def diff(params: CatalogDiffParams, call: Call) -> Diff:
    """Show what changed between two generations, part by part and file by file, as `hero-build diff A B`."""
    return compare(*pair(call.root, (params.before, params.after)))


def doctor(params: NoParams, call: Call) -> DoctorReport:
    """Check the machine, the root, the recipes and the forge, as `hero-build doctor`."""
    return check_machine(call.context(), os.environ.get("PATH", ""))


def _ask_forge(call: Call) -> LatestVersions:
    context = call.context()
    installed = by_app(manifest.load(call.root.path))
    apps = [app for app, records in installed.items() if (own := main(records)) and own.origin.used == "download"]
    tags = _tags(apps, context)
    rows = tuple(_latest(app, installed[app], tags[app]) for app in apps)
    return LatestVersions(journal.now(), rows)


def _tags(apps: list[str], context: Context) -> dict[str, str | HeroBuildError]:
    return dict(newest_tags(apps, context))


def _latest(app: str, records: tuple[InstalledPart, ...], tag: str | HeroBuildError) -> LatestVersion:
    if isinstance(tag, HeroBuildError):
        return LatestVersion(app, None, newer=False, trouble=clean(tag.message))
    own = main(records)
    return LatestVersion(app, tag, newer=own is not None and own.origin.version != tag)
