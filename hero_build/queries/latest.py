"""The newest release of apps, asked for side by side."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from hero_build.ask import reference
from hero_build.errors import HeroBuildError
from hero_build.events import Planning
from hero_build.model import Release
from hero_build.tools import Tools


def newest(apps: Sequence[str], tools: Tools) -> Mapping[str, str | HeroBuildError]:
    """The tag of each app's newest release, or why it cannot be told."""
    with ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="latest") as pool:
        return dict(zip(apps, pool.map(lambda app: _tag(app, tools), apps), strict=True))


def latest_release(app: str, tools: Tools) -> Release:
    """Raises NotFound, ForgeError, RecipeError."""
    return tools.forge.find(reference(tools.catalog.get(app), None))


def _tag(app: str, tools: Tools) -> str | HeroBuildError:
    tools.emit(Planning(app))
    try:
        return latest_release(app, tools).tag
    except HeroBuildError as error:
        return error
