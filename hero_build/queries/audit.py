"""`audit`: a recipe against every service.toml of its repo, its cargo workspace and its release. Changes nothing.

Where the recipe lists the binaries, all three are held against that list. Where it does not, the set is read as an
install would read it, and the others are held against whoever told it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hero_build import ask, services
from hero_build.catalog import Catalog, Found
from hero_build.errors import HeroBuildError, NotFound, RecipeError, ServicesUnreadable, VerificationError
from hero_build.events import Planning, Warned
from hero_build.model import Release
from hero_build.names import check_repo
from hero_build.queries import tellers
from hero_build.queries.drift import Finding, Set, of_crates, of_manifests, of_release
from hero_build.queries.problem import Problem, exit_code, problem
from hero_build.queries.tellers import Heard
from hero_build.services import Declared
from hero_build.told import Told, programs
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class Wish:
    """What to look at: checkouts below `folder`, and a release (`version` None: the newest) unless `release` is off."""

    folder: Path
    release: bool = True
    version: str | None = None


@dataclass(frozen=True, slots=True)
class AuditedApp:
    """`set_from` says who tells the set that everything else was held against; `binaries` are its names."""

    name: str
    repo: str
    recipe: str
    checkout: str | None
    set_from: str
    binaries: tuple[str, ...]
    heard: tuple[Heard, ...]
    findings: tuple[Finding, ...]

    @property
    def drifts(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.findings if item.drift)


@dataclass(frozen=True, slots=True)
class Audit:
    folder: str
    apps: tuple[AuditedApp, ...]
    failed: tuple[Problem, ...]

    @property
    def code(self) -> int:
        if any(app.drifts for app in self.apps):
            return VerificationError.code
        return exit_code(self.failed, len(self.apps))


def audit(apps: Sequence[str], wish: Wish, tools: Tools) -> Audit:
    """An app that cannot be audited is among the `failed`; the others are."""
    work = _Work(wish, tools, tuple(item for item in _recipes(tools.catalog) if isinstance(item, Found)))
    with ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="audit") as pool:
        results = list(pool.map(work.app, apps))
    done = tuple(item for item in results if isinstance(item, AuditedApp))
    return Audit(str(wish.folder), done, tuple(item for item in results if isinstance(item, Problem)))


def everything(folder: Path, tools: Tools) -> tuple[str, ...]:
    """The apps that have a checkout below `folder`, and those whose recipes are broken.

    Warns of checkouts with services that no recipe is for. Raises NotFound when there is no app.
    """
    recipes = tuple(_recipes(tools.catalog))
    places = {item.app: _place(folder, item.recipe.repo) for item in recipes if isinstance(item, Found)}
    there = [app for app, place in places.items() if place.is_dir()]
    if not there:
        hint = "Name the folder that your checkouts are in: `hero-build audit --all DIR`."
        raise NotFound(f"no recipe has a checkout in {folder}", hint)
    for place in _unknown(folder, {places[app] for app in there}):
        text = f"{place} declares services, and no recipe is for it"
        tools.emit(Warned(text, "docs/recipes.md shows how to write one."))
    return (*there, *(item for item in recipes if isinstance(item, str)))


@dataclass(frozen=True, slots=True)
class _Work:
    wish: Wish
    tools: Tools
    recipes: tuple[Found, ...]

    def app(self, app: str) -> AuditedApp | Problem:
        self.tools.emit(Planning(app))
        try:
            found = self.tools.catalog.get(app)
            ask.must_be_installable(found)
            return self._audited(found)
        except HeroBuildError as error:
            return problem(error, app)

    def _audited(self, found: Found) -> AuditedApp:
        place = _place(self.wish.folder, found.recipe.repo)
        folder = place if place.is_dir() else None
        declared, manifests, unread = _manifests(folder)
        targets, workspace = tellers.workspace(found, folder)
        release, forge = self._release(found)
        heard = (manifests, workspace, forge)
        if not any(item.state == "heard" for item in heard):
            raise _nothing(found, place, forge)
        told, untold = _told(found, declared, release, self.tools)
        own = Set(found.app, told.binaries, self._others(found))
        findings = (
            *unread,
            *(() if unread else untold),
            *(of_manifests(own, declared) if declared else ()),
            *(of_crates(own, targets) if workspace.state == "heard" else ()),
            *(of_release(own, found, release) if release else ()),
        )
        names = tuple(item.name for item in told.binaries)
        at, repo = str(folder) if folder else None, found.recipe.repo
        return AuditedApp(found.app, repo, str(found.path), at, told.by, names, heard, findings)

    def _release(self, found: Found) -> tuple[Release | None, Heard]:
        if not self.wish.release:
            return None, Heard("release", "not asked", "not asked")
        return tellers.release(found, self.wish.version, self.tools)

    def _others(self, found: Found) -> frozenset[str]:
        """The binaries that other recipes list for the same repo."""
        others = [item for item in self.recipes if item.recipe.repo == found.recipe.repo and item.app != found.app]
        binaries = [binary for item in others for binary in item.recipe.binaries]
        return frozenset(name for binary in binaries for name in (binary.name, binary.formerly) if name)


def _manifests(folder: Path | None) -> tuple[tuple[Declared, ...], Heard, tuple[Finding, ...]]:
    try:
        return *tellers.manifests(folder), ()
    except ServicesUnreadable as error:
        unreadable = Finding("unreadable", services.NAME, None, error.message)
        return (), Heard(services.NAME, "heard", "cannot be read"), (unreadable,)


def _told(
    found: Found, declared: Sequence[Declared], release: Release | None, tools: Tools
) -> tuple[Told, tuple[Finding, ...]]:
    """The set that all is held against: the recipe's, else as an install would read it; and what is wrong with it."""
    try:
        if not found.recipe.binaries and (binaries := services.merge(declared)):
            return Told(binaries, f"read from {services.NAME} in the checkout"), ()
        told = programs(found, release, tools)
    except ServicesUnreadable as error:
        return Told((), "not known"), (Finding("unreadable", services.NAME, None, error.message),)
    if told.binaries:
        return told, ()
    nor = f", and release {release.tag} does not, either" if release else ""
    text = f"the recipe lists no binaries, no {services.NAME} in a checkout tells them{nor}"
    return Told((), "not known"), (Finding("missing", services.NAME, None, text),)


def _nothing(found: Found, place: Path, forge: Heard) -> NotFound:
    sentence = f"there is nothing to hold the recipe against: no checkout at {place}, and no release ({forge.said})"
    return NotFound(sentence, f"Clone {found.recipe.repo} there, or name a forge with --forge.")


def _recipes(catalog: Catalog) -> Iterator[Found | str]:
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
            yield from (path for path in sorted(inside) if path not in known and services.files(path))
        elif services.files(place):
            yield place
