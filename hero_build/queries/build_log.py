"""`logs APP --build`: what the last build of an app wrote. The files are in <cache>/logs, one for each checkout."""

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from hero_build.catalog.loader import Catalog
from hero_build.errors import NotFound
from hero_build.model.artifacts import DESKTOP_APP, ISLANDS_APP
from hero_build.os_errors import machine_errors
from hero_build.queries.service_logs import LogReport, ServiceLog
from hero_build.system.plain_text import clean

FOLDER = "logs"


def build_log(name: str, lines: int | None, *, cache: Path, catalog: Catalog) -> LogReport:
    """The log of the newest build of APP, or of APP/BUNDLE alone: its last `lines`, None for all.

    Raises AppNotFound, NotFound where nothing of it was built, MachineError.
    """
    app, _, bundle = name.partition("/")
    catalog.expand((app,))
    with machine_errors(cache):
        newest = max(_files(cache / FOLDER, app, bundle), key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            hint = f"A build writes it: `hero-build {_command(app)} --mode source`."
            raise NotFound(f"{cache / FOLDER} has no log of a build of {name}", hint)
        with newest.open(encoding="utf-8", errors="replace") as file:
            kept = deque((clean(line.rstrip("\n")) for line in file), maxlen=lines)
    return LogReport((ServiceLog(name, tuple(kept), str(newest)),))


def _files(folder: Path, app: str, bundle: str) -> Iterator[Path]:
    """The logs of an app's programs end in the digest of its checkout; bundles share those of cargo's calls."""
    if not folder.is_dir():
        return
    patterns = [rf"{re.escape(app)}-[0-9a-f]{{8}}\.log"]
    if bundle:
        patterns = [rf"{re.escape(bundle)}(-[a-z-]+)?\.log"]
    elif app in (ISLANDS_APP, DESKTOP_APP):
        patterns.append(r"cargo-[0-9]+\.log")
    for path in folder.iterdir():
        if path.is_file() and any(re.fullmatch(pattern, path.name) for pattern in patterns):
            yield path


def _command(app: str) -> str:
    return "islands" if app == ISLANDS_APP else f"install {app}"
