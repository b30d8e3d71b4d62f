"""Finds misspelt attributes of a recipe: `lib = "gnu"` would be ignored. A recipe's own constants and methods stay
allowed, as long as their names are not close to one that means something.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from hero_build.errors import RecipeError
from hero_build.model.artifacts import Libc
from hero_build.model.versions import is_version
from hero_build.recipe import Recipe

_CLOSE = 0.75  # of 1.0: `needed` and `needs` are not close, `lib` and `libc` are


def check_attributes(recipe: Recipe, path: Path) -> None:
    """Raises RecipeError for an attribute that is probably a misspelt one, and for an unknown libc."""
    known = {name for name in vars(Recipe) if not name.startswith("_")}
    for name in _own(type(recipe)):
        if name not in known and (near := _nearest(name, known)):
            hint = f"Write {near}; or call it _{name}, if it is the recipe's own."
            raise RecipeError(f"the recipe {path} has {name}, which is close to {near} and means nothing", hint)
    if recipe.libc not in get_args(Libc):
        raise RecipeError(f"the recipe {path} has libc = {recipe.libc!r}", f"It is {' or '.join(get_args(Libc))}.")
    if recipe.compatible_from and not is_version(recipe.compatible_from):
        sentence = f"the recipe {path} has compatible_from = {recipe.compatible_from!r}, which has no number"
        raise RecipeError(sentence, "It is a release, such as v0.5.0.")


def _own(recipe: type) -> Iterator[str]:
    """The names that the recipe's class defines, and those of its own base classes."""
    for cls in recipe.__mro__:
        if cls not in (Recipe, *Recipe.__mro__):
            yield from (name for name in vars(cls) if not name.startswith("_") and not name.isupper())


def _nearest(name: str, known: set[str]) -> str | None:
    """Also where one is the singular or the plural of the other (`binary`)."""
    from hero_build.model.names import nearest  # only for a name that is not known

    forms = {f"{item[:-3]}y" if item.endswith("ies") else item: item for item in known} | {item: item for item in known}
    close = nearest(name.lower(), forms, most=1, cutoff=_CLOSE)
    return forms[close[0]] if close else None
