"""Command lines that need no parsing, answered without click: importing it takes longer than these answers.

They are `list`, and `install` with names, `--mode` and `--json` alone. Anything else, wrong words too, is click's.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hero_build.cli.guard import accept_any_text, guarded
from hero_build.cli.root_watch import RootWatch
from hero_build.cli.session import Session
from hero_build.output.console import Console, Style
from hero_build.settings import read

if TYPE_CHECKING:
    from hero_build.cli.install_options import InstallOptions

_LIST = {"list", "--json"}
_MODES = ("auto", "download", "source")


def needs_no_parsing(arguments: Sequence[str]) -> bool:
    """`list`, and `--json` before or after it; `install` as the module says."""
    if arguments[:1] == ["install"]:
        names, _ = _install_words(arguments[1:])
        return bool(names) and not any(name.startswith("-") for name in names)
    return len(set(arguments)) == len(arguments) and "list" in arguments and _LIST.issuperset(arguments)


def answer(arguments: Sequence[str]) -> int:
    """The exit code of a command line that needs no parsing, once its answer is printed."""
    if arguments[0] == "install":
        return _guarded("install", arguments, lambda console, watch: _install(arguments[1:], console, watch))
    return _guarded("list", arguments, lambda console, watch: list_apps(Session(read({}, os.environ), console, None)))


def list_apps(session: Session) -> int:
    """Print what `list` shows, with and without click. Raises RootDamaged, RecipeError, MachineError."""
    from hero_build.output.pages.list import page
    from hero_build.queries.list import listing

    result = listing(session.root, session.catalog(), session.generation())
    return session.console.answer(result, lambda terminal: page(result, terminal))


def install_options(arguments: Sequence[str]) -> "InstallOptions":
    """The options of the words after `install` that need no parsing."""
    from hero_build.cli.install_options import InstallOptions

    return InstallOptions(**_install_words(arguments)[1])


def _install(arguments: Sequence[str], console: Console, watch: RootWatch) -> int:
    from hero_build.cli.run_install import install_apps

    settings = read({}, os.environ)
    watch.start(settings.root, None)
    session = Session(settings, console, None)
    session.finish_interrupted_upgrade()
    return install_apps(session, _install_words(arguments)[0], install_options(arguments))


def _install_words(arguments: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names, with what is not known here, and the options."""
    rest = [word for word in arguments if word != "--json"]
    for index, word in enumerate(rest[:-1]):
        if word == "--mode" and rest[index + 1] in _MODES:
            return (*rest[:index], *rest[index + 2 :]), {"mode": rest[index + 1]}
    return tuple(rest), {}


def _guarded(name: str, arguments: Sequence[str], call: Callable[[Console, RootWatch], int]) -> int:
    accept_any_text()
    style = Style(json="--json" in arguments)
    console, watch = Console(name, style=style, out=sys.stdout, err=sys.stderr, environ=os.environ), RootWatch()
    traced = bool(os.environ.get("HERO_BUILD_DEBUG"))
    return guarded(lambda: call(console, watch), console, watch=watch, traced=traced)
