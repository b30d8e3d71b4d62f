"""The set of a repo without service manifests, from the `buildenv.sh` at its root, as older Hero repos have it.

    export BINARIES="mycelium mycelium-private"
    export ALL_FEATURES="default"

The file is read, never run. Only a plain assignment counts: at the beginning of a line, with or without `export`, of a
word or a quoted text without `$`, backquotes and backslashes. It lists names only; their kinds are the recipe's. Not
used: PROJECT_NAME, which names no program, and VERSION, which lags behind what is built; a release has its tag.
"""

import re
from pathlib import Path
from typing import Final

from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.recipe_facts import kind_of
from hero_build.catalog.service_toml import Declared, named
from hero_build.errors import InvalidServiceManifest
from hero_build.model.names import safe_name
from hero_build.os_errors import raise_for_machine

NAME: Final = "buildenv.sh"
VARIABLE: Final = "BINARIES"
FEATURES: Final = "ALL_FEATURES"
_LARGEST = 1 << 20  # bytes
_ANY = r"^(?!\s*#).*?\b{variable}\+?="
_PLAIN = (
    r"""(?:export[ \t]+)?{variable}=(?:"(?P<double>[^"$`\\]*)"|'(?P<single>[^'$`\\]*)'|(?P<word>[\w.,+/-]*))"""
    r"[ \t]*(?:[ \t]#.*|;[ \t]*)?\r?$"
)
_NO_FEATURES = "default"  # what cargo enables anyway
_SAY_THEM = "Say the features in the recipe: `cargo` returns Cargo(features=(…))."
_LIST_THEM = "List the binaries in the recipe: docs/recipes.md shows how."


def declared(loaded: LoadedRecipe, folder: Path) -> Declared | None:
    """What the file of a checkout lists; None: it does not exist, or lists nothing.

    Raises InvalidServiceManifest for a file that cannot be read, a list that is not plain, and a name that cannot be
    that of a program; RecipeError.
    """
    text = _read(folder / NAME)
    names = [_checked(name) for name in binaries(text)]
    return Declared(NAME, tuple(named(name, kind_of(loaded, name)) for name in dict.fromkeys(names))) if names else None


def binaries(text: str) -> tuple[str, ...]:
    """The names of the last assignment. Raises InvalidServiceManifest where one of them is not plain."""
    return tuple(_value(text, VARIABLE, _LIST_THEM).split())


def features(folder: Path) -> tuple[str, ...]:
    """The features that the file of a checkout lists, separated by spaces or commas, without the default ones.

    Raises InvalidServiceManifest for a file that cannot be read, and a list that is not plain.
    """
    names = _value(_read(folder / NAME), FEATURES, _SAY_THEM).replace(",", " ").split()
    return tuple(name for name in dict.fromkeys(names) if name != _NO_FEATURES)


def _value(text: str, variable: str, hint: str) -> str:
    """The text of the last assignment; empty without one. Raises InvalidServiceManifest where one is not plain."""
    value = ""
    for line in re.finditer(_ANY.format(variable=variable), text, re.MULTILINE):
        plain = re.compile(_PLAIN.format(variable=variable), re.MULTILINE).match(text, line.start())
        if plain is None:
            number = text.count("\n", 0, line.start()) + 1
            sentence = f"{NAME} sets {variable} in line {number} to more than a plain text, which is not read"
            raise InvalidServiceManifest(sentence, hint)
        value = next(group for group in (plain["double"], plain["single"], plain["word"]) if group is not None)
    return value


def _checked(name: str) -> str:
    if not safe_name(name) or name[:1] in ".-":
        raise InvalidServiceManifest(f"{NAME} has a binary named {name!r}", _LIST_THEM)
    return name


def _read(path: Path) -> str:
    """The text, empty where no file exists."""
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise_for_machine(error, path)
        raise InvalidServiceManifest(f"{NAME} cannot be read: {error.strerror}", "Correct its permissions.") from error
    if len(content) > _LARGEST:
        raise InvalidServiceManifest(f"{NAME} is longer than a megabyte", _LIST_THEM)
    return content.decode(errors="replace")
