"""The user's home: HOME, else the entry of passwd(5), and the cache in it. A container's user ID may have neither."""

import os
from pathlib import Path

from hero_build import STATE
from hero_build.errors import MachineError, UsageError

_HINT = "Set HOME to a folder of this user, or name the folders: --root (HERO_ROOT), and CARGO_HOME for builds."


def home() -> Path:
    """Raises MachineError where the user has none, and for a relative HOME. An empty HOME counts as unset."""
    if folder := os.environ.get("HOME"):
        if not os.path.isabs(folder):  # it would be another folder in each working directory
            raise MachineError(f"HOME is {folder!r}, which is not an absolute path", _HINT)
        return Path(folder)
    import pwd  # only without HOME

    try:
        folder = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        folder = ""
    if not folder:
        uid = os.getuid()
        raise MachineError(f"user ID {uid} has no home: HOME is not set, and passwd has no entry for it", _HINT)
    return Path(folder)


def expand(path: str) -> str:
    """`path` with the home for its leading `~` or `~user`. Raises MachineError, UsageError for an unknown user."""
    if path == "~" or path.startswith("~/"):
        return f"{home()}{path[1:]}"
    expanded = os.path.expanduser(path)
    if path.startswith("~") and expanded == path:
        raise UsageError(f"{path}: there is no user of that name", "Write ./ before a name that begins with ~.")
    return expanded


def default_cache(root: Path) -> Path:
    """In a checkout its own, else below the user's home; for a user without one, in the root."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "cache" / "CACHEDIR.TAG").is_file():
        return checkout / "cache"
    if not (os.path.isabs(os.environ.get("HOME", "")) or os.environ.get("XDG_CACHE_HOME", "").strip()):
        try:
            return home() / ".cache" / "hero-build"
        except MachineError:
            return root / STATE / "cache"
    import platformdirs  # only outside a checkout

    return Path(platformdirs.user_cache_dir("hero-build"))
