"""`audit`: compare recipes with the service.toml files, the cargo workspaces and the releases of their repositories.

If the recipe lists its binaries, all three are compared with that list. If not, the set is read like an install does,
and the other sources are compared with it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field

from hero_build.catalog import buildenv, recipe_facts, service_toml
from hero_build.catalog.loader import Catalog, LoadedRecipe
from hero_build.catalog.service_toml import Declared
from hero_build.context import Context
from hero_build.errors import (
    HeroBuildError,
    InvalidServiceManifest,
    NotFound,
    RecipeError,
    UntrustedRecipe,
    VerificationError,
)
from hero_build.events import Planning, WarningRaised
from hero_build.model.failure import Failure, exit_code, failure
from hero_build.model.names import check_repo
from hero_build.model.steps import Release
from hero_build.pipeline.artifact_set import ArtifactSet, list_programs
from hero_build.queries import audit_sources
from hero_build.queries.audit_findings import ExpectedSet, Finding, of_crates, of_manifests, of_release
from hero_build.queries.audit_sources import AuditSource
from hero_build.system.thread_pool import ThreadPool


class AuditOptions(Struct, frozen=True):
    """The sources: checkouts below `folder`, and with `release` a release (`version` None: the newest)."""

    folder: Path
    release: bool = True
    version: str | None = None


class AuditedApp(Struct, frozen=True):
    """`set_from`: the source of the set that the others are compared with; `binaries`: its names."""

    name: str
    repo: str
    recipe: str
    checkout: str | None
    set_from: str
    binaries: tuple[str, ...]
    sources: tuple[AuditSource, ...] = field(name="heard")
    findings: tuple[Finding, ...]

    @property
    def drifts(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.findings if item.drift)


class AuditReport(Struct, frozen=True):
    folder: str
    apps: tuple[AuditedApp, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        if any(app.drifts for app in self.apps):
            return VerificationError.code
        return exit_code(self.failed, len(self.apps))


def audit(apps: Sequence[str], options: AuditOptions, context: Context) -> AuditReport:
    """Audit apps in parallel; an app that cannot be audited is in `failed`."""
    recipes = tuple(item for item in _recipes(context.catalog) if isinstance(item, LoadedRecipe))
    auditor = Auditor(options, context, recipes)
    with ThreadPool(context.settings.jobs, thread_name_prefix="audit") as pool:
        results = list(pool.map(auditor.app, apps))
    audited = tuple(item for item in results if isinstance(item, AuditedApp))
    return AuditReport(str(options.folder), audited, tuple(item for item in results if isinstance(item, Failure)))


def apps_with_checkout(folder: Path, context: Context) -> tuple[str, ...]:
    """The apps with a checkout below `folder`, and the apps with a broken recipe.

    Warns of checkouts that declare services and have no recipe. Raises NotFound if no app has a checkout.
    """
    recipes = tuple(_recipes(context.catalog))
    checkouts = {item.app: _checkout(folder, item.recipe.repo) for item in recipes if isinstance(item, LoadedRecipe)}
    present = [app for app, path in checkouts.items() if path.is_dir()]
    if not present:
        hint = "Name the folder that your checkouts are in: `hero-build audit --all DIR`."
        raise NotFound(f"no recipe has a checkout in {folder}", hint)
    for path in _without_recipe(folder, {checkouts[app] for app in present}):
        text = f"{path} declares services and has no recipe"
        context.emit(WarningRaised(text, "docs/recipes.md shows how to write one."))
    return (*present, *(item for item in recipes if isinstance(item, str)))


class Auditor(Struct, frozen=True):
    options: AuditOptions
    context: Context
    recipes: tuple[LoadedRecipe, ...]

    def app(self, app: str) -> AuditedApp | Failure:
        self.context.emit(Planning(app))
        try:
            loaded = self.context.catalog.get(app)
            recipe_facts.require_installable(loaded)
            return self._audit(loaded)
        except HeroBuildError as error:
            return failure(error, app)

    def _audit(self, loaded: LoadedRecipe) -> AuditedApp:
        path = _checkout(self.options.folder, loaded.recipe.repo)
        checkout = path if path.is_dir() else None
        declared, manifests, unreadable = _manifests(loaded, checkout)
        programs = {
            item.name for items in (loaded.recipe.binaries, *(file.binaries for file in declared)) for item in items
        }
        targets, workspace = audit_sources.workspace(loaded, checkout, programs)
        release, forge = self._release(loaded)
        sources = (manifests, workspace, forge)
        if not any(item.state == "read" for item in sources):
            raise _no_source(loaded, path, forge)
        artifacts, problems = _artifacts(loaded, declared=declared, release=release, context=self.context)
        expected = ExpectedSet(loaded.app, artifacts.binaries, self._others(loaded))
        findings = (
            *(unreadable or problems),
            *(of_manifests(expected, declared) if declared else ()),
            *(of_crates(expected, targets) if workspace.state == "read" else ()),
            *(of_release(expected, loaded, release) if release else ()),
        )
        return AuditedApp(
            loaded.app,
            repo=loaded.recipe.repo,
            recipe=str(loaded.path),
            checkout=str(checkout) if checkout else None,
            set_from=artifacts.listed_by,
            binaries=tuple(item.name for item in artifacts.binaries),
            sources=sources,
            findings=findings,
        )

    def _release(self, loaded: LoadedRecipe) -> tuple[Release | None, AuditSource]:
        if not self.options.release:
            return None, AuditSource("release", "not asked", "not asked")
        return audit_sources.release(loaded, self.options.version, self.context)

    def _others(self, loaded: LoadedRecipe) -> frozenset[str]:
        """The binaries that other recipes list for the same repository."""
        others = [item for item in self.recipes if item.recipe.repo == loaded.recipe.repo and item.app != loaded.app]
        binaries = [binary for item in others for binary in item.recipe.binaries]
        return frozenset(name for binary in binaries for name in (binary.name, binary.formerly) if name)


def _manifests(
    loaded: LoadedRecipe, folder: Path | None
) -> tuple[tuple[Declared, ...], AuditSource, tuple[Finding, ...]]:
    try:
        return *audit_sources.manifests(loaded, folder), ()
    except InvalidServiceManifest as error:
        unreadable = Finding("unreadable", where=service_toml.NAME, binary=None, text=error.message)
        return (), AuditSource(service_toml.NAME, "read", "invalid"), (unreadable,)


def _artifacts(
    loaded: LoadedRecipe, declared: Sequence[Declared], release: Release | None, context: Context
) -> tuple[ArtifactSet, tuple[Finding, ...]]:
    """The set to compare with: the recipe's, else as an install reads it; and the problems of reading it."""
    try:
        if not loaded.recipe.binaries and (binaries := service_toml.merge(declared)):
            name = buildenv.NAME if declared[0].where == buildenv.NAME else service_toml.NAME
            return ArtifactSet(binaries, f"read from {name} in the checkout"), ()
        artifacts = list_programs(loaded, release, context)
    except InvalidServiceManifest as error:
        return ArtifactSet((), "not known"), (
            Finding("unreadable", where=service_toml.NAME, binary=None, text=error.message),
        )
    if artifacts.binaries:
        return artifacts, ()
    neither = f", and neither does release {release.tag}" if release else ""
    text = f"the recipe lists no binaries, no {service_toml.NAME} in a checkout does{neither}"
    return ArtifactSet((), "not known"), (Finding("missing", where=service_toml.NAME, binary=None, text=text),)


def _no_source(loaded: LoadedRecipe, checkout: Path, forge: AuditSource) -> NotFound:
    sentence = f"nothing to compare the recipe with: no checkout at {checkout}, and no release ({forge.summary})"
    return NotFound(sentence, f"Clone {loaded.recipe.repo} there, or name a forge with --forge.")


def _recipes(catalog: Catalog) -> Iterator[LoadedRecipe | str]:
    """The recipes of installable apps; for a broken recipe the app's name: auditing that app gives the error."""
    for app in catalog.names():
        try:
            loaded = catalog.get(app)
        except (RecipeError, UntrustedRecipe):
            yield app
        else:
            if not (loaded.recipe.refuses or loaded.recipe.islands):
                yield loaded


def _checkout(folder: Path, repo: str) -> Path:
    """The path of a repository below a folder: `<owner>/<name>`, else `<name>`. It need not be a git checkout."""
    owner, name = check_repo(repo)
    nested, flat = folder / owner / name, folder / name
    return flat if flat.is_dir() and not nested.is_dir() else nested


def _without_recipe(folder: Path, audited: set[Path]) -> Iterator[Path]:
    """Checkouts at `<name>` or `<owner>/<name>` with a service.toml that are not `audited`."""
    for path in sorted(path for path in folder.glob("*") if path.is_dir() and path not in audited):
        children = {child for child in path.glob("*") if child.is_dir()}
        if audited & children:
            yield from (child for child in sorted(children - audited) if service_toml.files(child))
        elif service_toml.files(path):
            yield path
