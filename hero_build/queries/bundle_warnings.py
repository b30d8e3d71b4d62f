"""Warnings of missing desktop bundles, whenever hero_os is installed, restarted or shown. Its programs run without."""

import os
from pathlib import Path

from hero_build.events import WarningRaised
from hero_build.install.layout import Root
from hero_build.model.artifacts import DESKTOP_APP
from hero_build.model.installed import Generation, PartId
from hero_build.os_errors import raise_for_machine

_ISLANDS = (
    "  Dock items will 404 when clicked (the desktop shell still loads).\n"
    "  Build + install them once:\n"
    "    hero-build islands --restart"
)
_SHELL = (
    "  The desktop will 404 when opened (the services still answer).\n"
    "  Build + install it once:\n"
    "    hero-build shell --restart"
)


def missing_bundles(root: Root, generation: Generation) -> tuple[WarningRaised, ...]:
    """A warning each for the islands and the shell, if hero_os is installed and they are not on disk.

    Its text and its hint are the lines to print below each other, after `⚠ `.
    """
    if PartId(DESKTOP_APP) not in generation.records:
        return ()
    islands, shell = root.place("share/hero_os/islands"), root.place("share/hero_os/shell")
    warnings = []
    if not _folders(islands):
        warnings.append(WarningRaised(f"per-island WASM bundles not found at {short(islands)}", _ISLANDS))
    if not _names(shell):
        warnings.append(WarningRaised(f"desktop shell WASM bundle not found at {short(shell)}", _SHELL))
    return tuple(warnings)


def short(path: Path) -> str:
    """`path` as a shell accepts it, with `~` for the home directory."""
    home = os.path.expanduser("~")
    return f"~/{path.relative_to(home)}" if home != "/" and path.is_relative_to(home) else str(path)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise_for_machine(error, folder)
        return []


def _folders(folder: Path) -> bool:
    """Whether any island is there; `islands.json` alone does not count."""
    return any((folder / name).is_dir() for name in _names(folder))
