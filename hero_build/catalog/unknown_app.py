"""What a name that is no app most likely stands for: the hint of the error. Imported only for it."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from hero_build.model.names import nearest

_VERSION = re.compile(r"([\w-]+)(?:==|=|:|~=|>=|/)(v?\d[\w.+-]*)")
"""As pip, apt, docker and go write APP@VERSION."""
_BARE_VERSION = re.compile(r"v?\d+(\.[\w+-]+)*")
UPGRADE_ITSELF = (
    "hero-build itself is upgraded as it was installed: `uv tool upgrade hero-build`, or as its README says."
)
_SHOWS_ALL = "`hero-build list` shows all."


def meant_app(name: str, apps: Sequence[str], sets: Sequence[str]) -> str:
    """The hint: the nearest names, the version as it is written here, or how several apps or a folder are named."""
    if name.casefold().replace("-", "_") == "hero_build":
        return UPGRADE_ITSELF
    if (match := _VERSION.fullmatch(name)) and (close := nearest(match[1], apps, most=1)):
        return f"Did you mean {close[0]}@{match[2]}? {_SHOWS_ALL}"
    if _BARE_VERSION.fullmatch(name):
        return f"A version is written behind its app: APP@{name}. {_SHOWS_ALL}"
    if any(letter in name for letter in "*?["):
        matching = [app for app in apps if fnmatchcase(app, name)]
        names = f" ({', '.join(matching[:3])}{' …' if len(matching) > 3 else ''})" if matching else ""
        return f"Patterns are not expanded: name each app{names}, or a set, such as @all. {_SHOWS_ALL}"
    if "/" in name or name in (".", "~"):
        if not (close := nearest(PurePosixPath(name).name, apps, most=1)):
            return f"Name an app: `--mode source APP` builds its checkout. {_SHOWS_ALL}"
        return f"Did you mean {close[0]}, or its checkout, `--mode source {close[0]}`? {_SHOWS_ALL}"
    close = nearest(name, (*apps, *sets))
    return f"Did you mean {' or '.join(close)}? {_SHOWS_ALL}" if close else _SHOWS_ALL
