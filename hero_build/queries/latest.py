"""The newest release of apps, asked for side by side."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from hero_build.catalog import asking
from hero_build.errors import HeroBuildError
from hero_build.events import Planning
from hero_build.forge.protocol import Ref
from hero_build.model import Release
from hero_build.tools import Tools


def newest(apps: Sequence[str], tools: Tools) -> Mapping[str, str | HeroBuildError]:
    """The tag of each app's newest release, or why it cannot be told."""
    with ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="latest") as pool:
        return dict(zip(apps, pool.map(lambda app: _tag(app, tools), apps), strict=True))


def latest_release(app: str, tools: Tools) -> Release:
    """Raises NotFound, ForgeError, RecipeError."""
    found = tools.catalog.get(app)
    with asking(found.path):
        package = found.recipe.package(None)
    return tools.forge.find(Ref(found.recipe.repo, None, package))


def _tag(app: str, tools: Tools) -> str | HeroBuildError:
    tools.emit(Planning(app))
    try:
        return latest_release(app, tools).tag
    except HeroBuildError as error:
        return error
