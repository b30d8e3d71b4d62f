"""Command lines that need no parsing, answered without click: importing it takes longer than these answers.

They are `list`, and `install`, `islands` and `shell` with names, `--mode` and `--json` alone. Anything else, wrong
words too, is click's.
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
    from hero_build.model.installed import Phase

_LIST = {"list", "--json"}
_BUNDLES = ("islands", "shell")
_MODES = ("auto", "download", "source")


def needs_no_parsing(arguments: Sequence[str]) -> bool:
    """`list`, and `--json` before or after it; what installs as the module says."""
    command = arguments[0] if arguments else ""
    if command == "install" or command in _BUNDLES:
        names, _ = _install_words(arguments[1:])
        named = bool(names) if command == "install" else not names or command == "islands"
        return named and not any(name.startswith("-") for name in names)
    return len(set(arguments)) == len(arguments) and "list" in arguments and _LIST.issuperset(arguments)


def answer(arguments: Sequence[str]) -> int:
    """The exit code of a command line that needs no parsing, once its answer is printed."""
    if arguments[0] == "install" or arguments[0] in _BUNDLES:
        return _guarded(arguments[0], arguments, lambda console, watch: _install(arguments, console, watch))
    return _guarded("list", arguments, lambda console, watch: list_apps(Session(read({}, os.environ), console, None)))


def list_apps(session: Session) -> int:
    """Print what `list` shows, with and without click. Raises RootDamaged, RecipeError, MachineError."""
    from hero_build.output.pages.list import page
    from hero_build.queries.list import listing

    result = listing(session.root, session.catalog(), session.generation())
    return session.console.answer(result, lambda terminal: page(result, terminal))


def install_options(arguments: Sequence[str]) -> "InstallOptions":
    """The options of words that need no parsing, without the command's name."""
    from hero_build.cli.install_options import InstallOptions

    return InstallOptions(**_install_words(arguments)[1])


def _install(arguments: Sequence[str], console: Console, watch: RootWatch) -> int:
    settings = read({}, os.environ)
    watch.start(settings.root, None)
    session = Session(settings, console, None)
    session.finish_interrupted_upgrade()
    names, options = _install_words(arguments[1:])[0], install_options(arguments[1:])
    if arguments[0] == "install":
        from hero_build.cli.run_install import install_apps

        return install_apps(session, names, options)
    from hero_build.cli.install_bundles import install_bundles

    phase: Phase = "shell" if arguments[0] == "shell" else "islands"
    return install_bundles(session, phase, names=names, options=options)


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
