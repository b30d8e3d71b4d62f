"""Which jobs a release takes: an app's platforms, its shell, its islands in shards."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from hero_build import ask
from hero_build.blueprint import crates_of
from hero_build.catalog import Found, asking
from hero_build.platforms import parse
from hero_build.publish import changed, matrix
from hero_build.publish.matrix import Island, Job, Work
from hero_build.source import place
from hero_build.tools import Tools, machine_arch


def jobs_of(found: Found, platforms: Sequence[str], tools: Tools) -> tuple[Job, ...]:
    """The jobs of one app: all its programs for each platform (none named: this machine's), and all its bundles.

    Raises RecipeError, Unsupported, UsageError.
    """
    return tuple(_jobs(found, platforms))


def plan(
    apps: Sequence[str], platforms: Sequence[str], shards: int, since: str | None, tools: Tools
) -> tuple[Job, ...]:
    """The matrix of several apps; `since`: of those alone that have changed since that commit.

    Raises AppNotFound, RecipeError, UsageError, RefNotFound, BuildError, MissingTool, CheckoutRefused.
    """
    found = [tools.catalog.get(app) for app in apps]
    if since is not None:
        paths = {item.app: (_checkout(item, tools), item.path) for item in found}
        kept = frozenset(changed.affected(paths, since))
        found = [item for item in found if item.app in kept]
    return tuple(job for item in found for job in _sharded(item, platforms, shards, tools))


def _sharded(found: Found, platforms: Sequence[str], shards: int, tools: Tools) -> Iterator[Job]:
    if not found.recipe.islands:
        yield from _jobs(found, platforms)
        return
    islands = tuple(Island(item.name, _cost(item.folder)) for item in crates_of(found, tools))
    yield from matrix.jobs([Work(found.app, (), islands)], shards)


def _jobs(found: Found, platforms: Sequence[str]) -> Iterator[Job]:
    ask.must_be_installable(found, "islands" if found.recipe.islands else "install")
    if found.recipe.islands:
        yield Job(found.app, "islands-1of1")
        return
    with asking(found.path):
        own = str(found.recipe.platform(machine_arch()))
    for platform in platforms or (own,):
        yield Job(found.app, platform, str(parse(platform)))
    if found.recipe.bundles:
        yield Job(found.app, "shell", "", tuple(item.name for item in found.recipe.bundles))


def _checkout(found: Found, tools: Tools) -> Path:
    return place.locate(tools.settings.coderoot, found.recipe.repo)


def _cost(folder: Path) -> float:
    """Bytes of Rust: what a compiler takes for an island grows with them; each costs something to begin with."""
    return 20_000.0 + sum(path.stat().st_size for path in folder.rglob("*.rs") if path.is_file())
