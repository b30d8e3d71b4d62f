"""Whether this hero-build came out of a pack (hero_build/pack), and which one.

A pack unpacks its tool into a folder: the package, what it needs, `hero.lock`, and the overlay recipes of its apps.
"""

import os
import sys
from contextlib import suppress

import hero_build

VARIABLE = "HERO_BUILD_PACK"
"""Set by a pack: the file itself, which has the contents."""
LOCK, OVERLAYS, USERS = "hero.lock", "overlays", "used-by"


def folder() -> str | None:
    """The folder of the unpacked tool; None for a hero-build that was installed in another way."""
    place = os.path.dirname(os.path.dirname(os.path.abspath(hero_build.__file__)))
    return place if os.path.exists(os.path.join(place, LOCK)) else None


def file() -> str | None:
    """The pack itself."""
    return os.environ.get(VARIABLE) if folder() else None


def existing_file() -> str | None:
    """The pack itself, if it is still there: what is in it can be installed from it."""
    pack = file()
    return pack if pack and os.path.isfile(pack) else None


def keep_for(unit: str) -> None:
    """Note in the folder of the unpacked tool that a unit file names it: `gc` keeps it as long as that does. All of it
    is unpacked now: the service may not write there.
    """
    if place := folder():
        from hero_build.system import packed_rest  # only in a pack

        packed_rest.unpack(place)
        with suppress(OSError), open(os.path.join(place, USERS), "a", encoding="utf-8") as users:
            users.write(f"{unit}\n")


def typed() -> str:
    """The command that started this pack, as a shell needs it; `hero-build` for any other hero-build."""
    name = sys.argv[0]
    if folder() is None or os.path.basename(name) == "hero-build":
        return "hero-build"
    import shlex  # only in a pack

    return shlex.quote(name) if "/" in name else f"sh {shlex.quote(name)}"


def lock() -> str | None:
    """The lock file of the pack."""
    place = folder()
    return os.path.join(place, LOCK) if place else None


def recipes() -> tuple[str, ...]:
    """The folders with overlay recipes of the packed apps, in the order of their search path."""
    place = os.path.join(folder() or os.devnull, OVERLAYS)
    return tuple(os.path.join(place, name) for name in sorted(os.listdir(place))) if os.path.isdir(place) else ()


def python(module: str) -> list[str]:
    """The command that runs a module, `python -m module`, with what this process can import."""
    place = folder()
    if place is None:
        return [sys.executable, "-m", module]
    rest = f"from hero_build.system import packed_rest; packed_rest.install({place!r})"
    run = f"runpy.run_module({module!r}, None, '__main__', True)"
    return [sys.executable, "-c", f"import sys, runpy; sys.path.insert(0, {place!r}); {rest}; {run}"]
