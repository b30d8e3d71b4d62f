"""Command lines that need no parsing, answered without click: importing it takes longer than these answers."""

import os
import sys
from collections.abc import Sequence

from hero_build.cli.guard import accept_any_text, guarded
from hero_build.cli.root_watch import RootWatch
from hero_build.cli.session import Session
from hero_build.output.console import Console, Style
from hero_build.settings import read

_WORDS = {"list", "--json"}


def needs_no_parsing(arguments: Sequence[str]) -> bool:
    """`list`, and `--json` before or after it."""
    return len(set(arguments)) == len(arguments) and "list" in arguments and _WORDS.issuperset(arguments)


def answer(arguments: Sequence[str]) -> int:
    """The exit code of a command line that needs no parsing, once its answer is printed."""
    accept_any_text()
    style = Style(json="--json" in arguments)
    console = Console("list", style=style, out=sys.stdout, err=sys.stderr, environ=os.environ)
    return guarded(lambda: _list(console), console, watch=RootWatch(), traced=bool(os.environ.get("HERO_BUILD_DEBUG")))


def list_apps(session: Session) -> int:
    """Print what `list` shows, with and without click. Raises RootDamaged, RecipeError, MachineError."""
    from hero_build.output.pages.list import page
    from hero_build.queries.list import listing

    result = listing(session.root, session.catalog(), session.generation())
    return session.console.answer(result, lambda terminal: page(result, terminal))


def _list(console: Console) -> int:
    return list_apps(Session(read({}, os.environ), console, None))
