"""Finds recipes: $HERO_RECIPES first, folder by folder, then the shipped ones. Expands @sets.

A recipe is imported when it is asked for, not before; its app's name is its module's name. A module whose name begins
with `_` is not a recipe: recipes of its folder take values from it, `from ._onnx import ONNX_RUNTIME`. Sets are in
`_sets.py` of any folder, as `SETS = {"core": ("hero_db", …)}`; a member `APP/BINARY` is installed whole, and of its
services only that one is started with the set.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from msgspec import Struct

from hero_build.catalog.trust import check_trusted
from hero_build.errors import AppNotFound, HeroBuildError, RecipeError, UntrustedRecipe, UsageError
from hero_build.os_errors import raise_for_machine
from hero_build.system.regular_file import open_regular

if TYPE_CHECKING:
    from hero_build.recipe import Recipe
_SETS = "_sets"
SETS_FILE = f"{_SETS}.py"


class LoadedRecipe(Struct, frozen=True):
    """An app's recipe, the file it came from, and the files of that name in later folders that it replaces.

    `shared` are the modules beside it that it may take values from: with `path`, all that the recipe is made of.
    """

    app: str
    recipe: "Recipe"
    path: Path
    shadows: tuple[Path, ...]
    shared: tuple[Path, ...] = ()


class _Candidates(Mapping[str, tuple[Path, ...]]):
    """Every app's files, from the folders that have one: a Path is made for what is asked for."""

    def __init__(self, folders: Mapping[str, tuple[Path, ...]]) -> None:
        self._folders = folders

    def __getitem__(self, app: str) -> tuple[Path, ...]:
        return tuple(folder / f"{app}.py" for folder in self._folders[app])

    def __iter__(self) -> Iterator[str]:
        return iter(self._folders)

    def __len__(self) -> int:
        return len(self._folders)


class Catalog(Struct, frozen=True):
    """The recipes of a search path. `files` has every app's candidates, the one that counts first.

    `sets` are apps; `set_members` are the same as they are written, APP or APP/BINARY. `shared` are the modules that
    recipes of their folders take values from.
    """

    files: Mapping[str, tuple[Path, ...]]
    sets: Mapping[str, tuple[str, ...]]
    shared: tuple[Path, ...] = ()
    set_members: Mapping[str, tuple[str, ...]] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def get(self, app: str) -> LoadedRecipe:
        """The app's recipe. Raises AppNotFound with the nearest name, RecipeError, UntrustedRecipe."""
        if app not in self.files:
            raise AppNotFound(f"no app is named {app!r}", self._meant(app))
        path, *shadows = self.files[app]
        recipe = _recipe(path, _stamp(path))
        shared = tuple(file for file in self.shared if file.parent == path.parent)
        return LoadedRecipe(app, recipe=recipe, path=path, shadows=tuple(shadows), shared=shared)

    def expand(self, names: Iterable[str]) -> tuple[str, ...]:
        """The apps that names and @sets stand for, each once, in order; @all is every one that can be installed.
        Raises AppNotFound.
        """
        return tuple(dict.fromkeys(app for name in names for app in self._members(name)))

    def started_by(self, name: str) -> tuple[str, ...]:
        """What a set starts, in order: APP for all services of an app, APP/BINARY for one. Raises AppNotFound."""
        return self.set_members.get(name[1:]) or self.expand((name,))

    def _members(self, name: str) -> tuple[str, ...]:
        if "@" in name[1:]:
            hint = f"Name the app alone: {name.rpartition('@')[0]}."
            raise UsageError(f"{name!r} names a version, which this command does not take", hint)
        if not name.startswith("@"):
            if name not in self.files:
                raise AppNotFound(f"no app is named {name!r}", self._meant(name))
            return (name,)
        if name == "@all":
            return tuple(app for app in self.names() if not self._not_installable(app))
        if name[1:] not in self.sets:
            raise AppNotFound(f"no set is named {name!r}", self._meant(name))
        return self.sets[name[1:]]

    def _meant(self, name: str) -> str:
        """The hint for a name that is neither an app nor a set."""
        from hero_build.catalog.unknown_app import meant_app  # only for the hint

        return meant_app(name, apps=self.names(), sets=("@all", "@installed", *(f"@{key}" for key in self.sets)))

    def _not_installable(self, app: str) -> bool:
        """A broken recipe does not: the plan reports it."""
        try:
            recipe = self.get(app).recipe
            return bool(recipe.refuses) or recipe.islands  # islands are a phase of their own
        except (RecipeError, UntrustedRecipe):
            return False


def load(folders: Iterable[Path]) -> Catalog:
    """The catalog of these folders and the shipped recipes. Raises RecipeError, UntrustedRecipe."""
    path = (*folders, shipped())
    folders_of: dict[str, tuple[Path, ...]] = {}
    sets: dict[str, tuple[str, ...]] = {}
    shared: list[Path] = []
    for folder in path:
        for name in _modules(folder):
            if name == _SETS:
                sets = {**_read_sets(folder / f"{name}.py"), **sets}
            elif name.startswith("_"):
                shared.append(folder / f"{name}.py")
            else:
                folders_of[name] = (*folders_of.get(name, ()), folder)
    apps = {name: tuple(dict.fromkeys(member.split("/")[0] for member in members)) for name, members in sets.items()}
    return Catalog(_Candidates(folders_of), apps, shared=tuple(shared), set_members=sets)


@cache
def shipped() -> Path:
    """The recipes that come with hero-build: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


@contextmanager
def recipe_errors(path: Path) -> Iterator[None]:
    """While a recipe's own code runs: whatever it raises becomes a RecipeError that names the file."""
    try:
        yield
    except HeroBuildError:
        raise
    except (Exception, SystemExit) as error:  # a recipe is somebody's code: it may do anything
        raise_for_machine(error, path)
        sentence = f"the recipe {path} failed: {type(error).__name__}: {error}"
        raise RecipeError(sentence, "Correct the recipe; docs/recipes.md shows one.") from error


def _modules(folder: Path) -> list[str]:
    """The names of the modules in a folder, sorted."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise_for_machine(error, folder)
        sentence = f"the recipe folder {folder} cannot be read: {error.strerror}"
        raise RecipeError(sentence, "Correct HERO_RECIPES.") from error
    return [name[:-3] for name in names if name.endswith(".py") and name[:-3].isidentifier()]


def _import(path: Path) -> ModuleType:
    from importlib.machinery import ModuleSpec, SourceFileLoader  # only when a recipe is asked for

    try:
        open_regular(path).close()
    except OSError as error:
        raise_for_machine(error, path)
        raise RecipeError(f"the recipe {path} cannot be read: {error.strerror}", "Make it a readable file.") from error
    if path.parent != shipped():
        check_trusted(path)
    package = _package(path.parent)
    module = ModuleType(f"{package}.{path.stem}")
    loader = SourceFileLoader(module.__name__, str(path))
    module.__spec__ = ModuleSpec(module.__name__, loader, origin=str(path))
    module.__file__, module.__loader__, module.__package__ = str(path), loader, package
    with recipe_errors(path), nullcontext() if path.parent == shipped() else _without_bytecode():
        loader.exec_module(module)
    return module


@contextmanager
def _without_bytecode() -> Iterator[None]:
    """Bytecode is neither written beside its source, which may be in a checkout, nor read from there."""
    writes, prefix = sys.dont_write_bytecode, sys.pycache_prefix
    sys.dont_write_bytecode, sys.pycache_prefix = True, os.devnull
    try:
        yield
    finally:
        sys.dont_write_bytecode, sys.pycache_prefix = writes, prefix


def _package(folder: Path) -> str:
    """The name under which Python knows a folder of recipes, so that `from ._onnx import …` finds what lies there."""
    name = f"recipes_{os.fsencode(folder).hex()}"  # each folder its own: two may have a module of the same name
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules.setdefault(name, package)
    return name


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Changes whenever the file does. None where there is none."""
    try:
        status = path.stat()
    except OSError:  # the import says why
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@lru_cache(maxsize=4096)
def _recipe(path: Path, _stamp: tuple[int, ...] | None) -> "Recipe":
    """The recipe of a file, made once for each state of the file: a command asks for it at several of its steps."""
    from hero_build.catalog.attributes import check_attributes
    from hero_build.recipe import Recipe  # not for a list of names

    module = _import(path)
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Recipe) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        names = ", ".join(cls.__name__ for cls in classes) or "none"
        raise RecipeError(f"the recipe {path} must define one Recipe class (found: {names})", "See docs/recipes.md.")
    with recipe_errors(path):
        recipe = classes[0]()
    _check(recipe, path)
    check_attributes(recipe, path)
    return recipe


def _check(recipe: "Recipe", path: Path) -> None:
    for repo in (recipe.repo, *_names(recipe, "siblings", path)):
        owner, slash, name = str(repo).partition("/")
        if not (owner and slash and name) or "/" in name:
            raise RecipeError(f"the recipe {path} has repo = {repo!r}", "Write it as 'owner/name'.")
    names = [item.name for group in (recipe.binaries, recipe.libraries, recipe.bundles) for item in group]
    for artifact in names:
        if not artifact or not artifact.isprintable() or "/" in artifact or artifact.startswith("."):
            raise RecipeError(f"the recipe {path} names an artifact {artifact!r}", "Use a plain file name.")
    if twice := {artifact for artifact in names if names.count(artifact) > 1}:
        raise RecipeError(f"the recipe {path} names {min(twice)} twice", "Each artifact has one name.")
    for attribute in ("needs", "excludes", "restarts"):
        _names(recipe, attribute, path)


def _names(recipe: "Recipe", attribute: str, path: Path) -> tuple[str, ...]:
    """A tuple of names. Raises RecipeError for anything else: `("hero_db")`, without its comma, is a string."""
    value = getattr(recipe, attribute)
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
        raise RecipeError(f"the recipe {path} has {attribute} = {value!r}", 'Write a tuple: ("hero_db",).')
    return value


def _read_sets(path: Path) -> dict[str, tuple[str, ...]]:
    sets = getattr(_import(path), "SETS", None)
    if not isinstance(sets, dict) or not all(_is_set(*item) for item in sets.items()):
        raise RecipeError(f"{path} has no SETS", 'Write SETS = {"name": ("app", …)}.')
    return sets


def _is_set(name: object, members: object) -> bool:
    return isinstance(name, str) and isinstance(members, tuple) and all(_is_member(member) for member in members)


def _is_member(member: object) -> bool:
    return isinstance(member, str) and (member.isidentifier() or (member.count("/") <= 1 and all(member.split("/"))))
