"""`audit`: a recipe against every service.toml of its repo, its cargo workspace and its release. Changes nothing.

Where the recipe lists the binaries, all three are held against that list. Where it does not, the set is read as an
install would read it, and the others are held against whoever told it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from hero_build.catalog import recipe_facts, service_toml
from hero_build.catalog.loader import Catalog, LoadedRecipe
from hero_build.catalog.service_toml import Declared
from hero_build.context import Context
from hero_build.errors import HeroBuildError, InvalidServiceManifest, NotFound, RecipeError, VerificationError
from hero_build.events import Planning, WarningRaised
from hero_build.model.failure import Failure, exit_code, failure
from hero_build.model.names import check_repo
from hero_build.model.steps import Release
from hero_build.pipeline.artifact_set import ArtifactSet, list_programs
from hero_build.queries import audit_sources
from hero_build.queries.audit_findings import ExpectedSet, Finding, of_crates, of_manifests, of_release
from hero_build.queries.audit_sources import AuditSource


class AuditOptions(Struct, frozen=True):
    """What to look at: checkouts below `folder`, and a release (`version` None: the newest) unless `release` is off."""

    folder: Path
    release: bool = True
    version: str | None = None


class AuditedApp(Struct, frozen=True):
    """`set_from` says who tells the set that everything else was held against; `binaries` are its names."""

    name: str
    repo: str
    recipe: str
    checkout: str | None
    set_from: str
    binaries: tuple[str, ...]
    heard: tuple[AuditSource, ...]
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
    """An app that cannot be audited is among the `failed`; the others are."""
    recipes = tuple(item for item in _recipes(context.catalog) if isinstance(item, LoadedRecipe))
    auditor = Auditor(options, context, recipes)
    with ThreadPoolExecutor(context.settings.jobs, thread_name_prefix="audit") as pool:
        results = list(pool.map(auditor.app, apps))
    done = tuple(item for item in results if isinstance(item, AuditedApp))
    return AuditReport(str(options.folder), done, tuple(item for item in results if isinstance(item, Failure)))


def apps_with_checkout(folder: Path, context: Context) -> tuple[str, ...]:
    """The apps that have a checkout below `folder`, and those whose recipes are broken.

    Warns of checkouts with services that no recipe is for. Raises NotFound when there is no app.
    """
    recipes = tuple(_recipes(context.catalog))
    places = {item.app: _place(folder, item.recipe.repo) for item in recipes if isinstance(item, LoadedRecipe)}
    there = [app for app, place in places.items() if place.is_dir()]
    if not there:
        hint = "Name the folder that your checkouts are in: `hero-build audit --all DIR`."
        raise NotFound(f"no recipe has a checkout in {folder}", hint)
    for place in _unknown(folder, {places[app] for app in there}):
        text = f"{place} declares services, and no recipe is for it"
        context.emit(WarningRaised(text, "docs/recipes.md shows how to write one."))
    return (*there, *(item for item in recipes if isinstance(item, str)))


class Auditor(Struct, frozen=True):
    options: AuditOptions
    context: Context
    recipes: tuple[LoadedRecipe, ...]

    def app(self, app: str) -> AuditedApp | Failure:
        self.context.emit(Planning(app))
        try:
            found = self.context.catalog.get(app)
            recipe_facts.require_installable(found)
            return self._audited(found)
        except HeroBuildError as error:
            return failure(error, app)

    def _audited(self, loaded: LoadedRecipe) -> AuditedApp:
        place = _place(self.options.folder, loaded.recipe.repo)
        folder = place if place.is_dir() else None
        declared, manifests, unread = _manifests(folder)
        targets, workspace = audit_sources.workspace(loaded, folder)
        release, forge = self._release(loaded)
        heard = (manifests, workspace, forge)
        if not any(item.state == "heard" for item in heard):
            raise _nothing(loaded, place, forge)
        told, untold = _told(loaded, declared=declared, release=release, context=self.context)
        own = ExpectedSet(loaded.app, told.binaries, self._others(loaded))
        findings = (
            *unread,
            *(() if unread else untold),
            *(of_manifests(own, declared) if declared else ()),
            *(of_crates(own, targets) if workspace.state == "heard" else ()),
            *(of_release(own, loaded, release) if release else ()),
        )
        names = tuple(item.name for item in told.binaries)
        at, repo = str(folder) if folder else None, loaded.recipe.repo
        return AuditedApp(
            loaded.app,
            repo=repo,
            recipe=str(loaded.path),
            checkout=at,
            set_from=told.listed_by,
            binaries=names,
            heard=heard,
            findings=findings,
        )

    def _release(self, loaded: LoadedRecipe) -> tuple[Release | None, AuditSource]:
        if not self.options.release:
            return None, AuditSource("release", "not asked", "not asked")
        return audit_sources.release(loaded, self.options.version, self.context)

    def _others(self, loaded: LoadedRecipe) -> frozenset[str]:
        """The binaries that other recipes list for the same repo."""
        others = [item for item in self.recipes if item.recipe.repo == loaded.recipe.repo and item.app != loaded.app]
        binaries = [binary for item in others for binary in item.recipe.binaries]
        return frozenset(name for binary in binaries for name in (binary.name, binary.formerly) if name)


def _manifests(folder: Path | None) -> tuple[tuple[Declared, ...], AuditSource, tuple[Finding, ...]]:
    try:
        return *audit_sources.manifests(folder), ()
    except InvalidServiceManifest as error:
        unreadable = Finding("unreadable", where=service_toml.NAME, binary=None, text=error.message)
        return (), AuditSource(service_toml.NAME, "heard", "cannot be read"), (unreadable,)


def _told(
    loaded: LoadedRecipe, declared: Sequence[Declared], release: Release | None, context: Context
) -> tuple[ArtifactSet, tuple[Finding, ...]]:
    """The set that all is held against: the recipe's, else as an install would read it; and what is wrong with it."""
    try:
        if not loaded.recipe.binaries and (binaries := service_toml.merge(declared)):
            return ArtifactSet(binaries, f"read from {service_toml.NAME} in the checkout"), ()
        told = list_programs(loaded, release, context)
    except InvalidServiceManifest as error:
        return ArtifactSet((), "not known"), (
            Finding("unreadable", where=service_toml.NAME, binary=None, text=error.message),
        )
    if told.binaries:
        return told, ()
    nor = f", and release {release.tag} does not, either" if release else ""
    text = f"the recipe lists no binaries, no {service_toml.NAME} in a checkout tells them{nor}"
    return ArtifactSet((), "not known"), (Finding("missing", where=service_toml.NAME, binary=None, text=text),)


def _nothing(loaded: LoadedRecipe, place: Path, forge: AuditSource) -> NotFound:
    sentence = f"there is nothing to hold the recipe against: no checkout at {place}, and no release ({forge.said})"
    return NotFound(sentence, f"Clone {loaded.recipe.repo} there, or name a forge with --forge.")


def _recipes(catalog: Catalog) -> Iterator[LoadedRecipe | str]:
    """Every recipe of what can be installed; of a broken one, which is told of when it is audited, the app's name."""
    for app in catalog.names():
        try:
            found = catalog.get(app)
        except RecipeError:
            yield app
        else:
            if not (found.recipe.refuses or found.recipe.islands):
                yield found


def _place(folder: Path, repo: str) -> Path:
    """Where a repo lies below a folder: `<owner>/<name>`, else `<name>`; it need not be a git checkout here."""
    owner, name = check_repo(repo)
    nested, flat = folder / owner / name, folder / name
    return flat if flat.is_dir() and not nested.is_dir() else nested


def _unknown(folder: Path, known: set[Path]) -> Iterator[Path]:
    """Checkouts at `<name>` or `<owner>/<name>` with a service.toml that are not `known`."""
    for place in sorted(path for path in folder.glob("*") if path.is_dir() and path not in known):
        inside = [path for path in place.glob("*") if path.is_dir()]
        if known & set(inside):
            yield from (path for path in sorted(inside) if path not in known and service_toml.files(path))
        elif service_toml.files(place):
            yield place
