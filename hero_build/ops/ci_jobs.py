"""The CI jobs of a release (platforms, shell, islands in shards), and the apps that changed since a commit."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hero_build.catalog import recipe_facts
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.context import Context
from hero_build.errors import RefNotFound, ToolFailed
from hero_build.pipeline.build_plan import crates_of
from hero_build.platforms import machine_arch, parse
from hero_build.publish import matrix
from hero_build.publish.matrix import CiJob, CiPlan, Island
from hero_build.source.git import paths as git_paths
from hero_build.system import process

_BASE_COST = 20_000.0  # bytes of source that compile about as long as an empty island
_FIRST_PUSH = "0" * 40  # the `before` commit in the event of a first push


def jobs_of(loaded: LoadedRecipe, platforms: Sequence[str], context: Context) -> tuple[CiJob, ...]:
    """The jobs of one app: its programs for each platform (by default this machine's), and its bundles.

    Raises RecipeError, Unsupported, UsageError.
    """
    return tuple(_jobs(loaded, platforms))


def plan(
    apps: Sequence[str], platforms: Sequence[str], shards: int, since: str | None, context: Context
) -> tuple[CiJob, ...]:
    """The jobs of several apps; with `since` only of those that changed since that commit.

    Raises AppNotFound, RecipeError, UsageError, RefNotFound, BuildError, MissingTool, CheckoutRefused.
    """
    recipes = [context.catalog.get(app) for app in apps]
    if since is not None:
        paths = {item.app: (_checkout(item, context), item.path) for item in recipes}
        changed_apps = frozenset(affected(paths, since))
        recipes = [item for item in recipes if item.app in changed_apps]
    return tuple(
        job for item in recipes for job in _sharded_jobs(item, platforms=platforms, shards=shards, context=context)
    )


def _sharded_jobs(loaded: LoadedRecipe, platforms: Sequence[str], shards: int, context: Context) -> Iterator[CiJob]:
    if not loaded.recipe.islands:
        yield from _jobs(loaded, platforms)
        return
    islands = tuple(Island(item.name, _cost(item.folder)) for item in crates_of(loaded, context))
    yield from matrix.plan_jobs([CiPlan(loaded.app, (), islands)], shards)


def _jobs(loaded: LoadedRecipe, platforms: Sequence[str]) -> Iterator[CiJob]:
    recipe_facts.require_installable(loaded, "islands" if loaded.recipe.islands else "install")
    if loaded.recipe.islands:
        yield CiJob(loaded.app, "islands-1of1")
        return
    with recipe_errors(loaded.path):
        own = str(loaded.recipe.platform(machine_arch()))
    for platform in platforms or (own,):
        yield CiJob(loaded.app, platform, str(parse(platform)))
    if loaded.recipe.bundles:
        yield CiJob(loaded.app, what="shell", platform="", islands=tuple(item.name for item in loaded.recipe.bundles))


def _checkout(loaded: LoadedRecipe, context: Context) -> Path:
    return git_paths.locate(context.settings.coderoot, loaded.recipe.repo)


def _cost(folder: Path) -> float:
    """Bytes of Rust source, which compile time grows with, plus a constant for each island."""
    return _BASE_COST + sum(path.stat().st_size for path in folder.rglob("*.rs") if path.is_file())


def affected(apps: Mapping[str, Sequence[Path]], ref: str) -> tuple[str, ...]:
    """The apps of which any path (a checkout, a folder in one, a recipe file) differs from `ref`, in their order.

    Uncommitted changes count. All apps for the zero commit of a first push; also an app with a path outside of any
    repository. Raises RefNotFound, MissingTool.
    """
    return tuple(app for app, paths in apps.items() if any(changed(path, ref) for path in paths))


def changed(path: Path, ref: str) -> bool:
    """Whether anything at `path` differs from `ref`. Raises RefNotFound, MissingTool."""
    if ref == _FIRST_PUSH:
        return True
    folder = path if path.is_dir() else path.parent
    if not _in_repository(folder):
        return True
    commit = _commit(folder, ref)
    spec = "." if path.is_dir() else f"./{path.name}"
    committed = _git(folder, "diff", "--name-only", "--no-renames", "--no-ext-diff", commit, "--", spec)
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "--", spec)
    return bool(committed or untracked)


def _commit(folder: Path, ref: str) -> str:
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except ToolFailed as error:
        hint = "Fetch it first: a shallow checkout has the newest commit only (`fetch-depth: 0`)."
        raise RefNotFound(f"the checkout at {folder} has no commit {ref!r}", hint) from error


def _in_repository(folder: Path) -> bool:
    try:
        return _git(folder, "rev-parse", "--is-inside-work-tree") == "true"
    except ToolFailed:
        return False


def _git(folder: Path, *words: str) -> str:
    return process.capture(("git", "--no-optional-locks", *words), cwd=folder, env=process.environment()).strip()
