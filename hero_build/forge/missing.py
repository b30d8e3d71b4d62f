"""The errors for what a forge does not have, with the names that come nearest: the same from every kind of forge."""

from collections.abc import Sequence

from hero_build.errors import AssetNotFound, ReleaseNotFound
from hero_build.names import nearest

_SHOWN = 5


def no_release(what: str, tag: str, known: Sequence[str]) -> ReleaseNotFound:
    """`what` names the repo or package; `known` are its tags, newest first."""
    close = nearest(tag, known)
    if close:
        hint = f"Did you mean {' or '.join(close)}?"
    elif known:
        more = ", …" if len(known) > _SHOWN else ""
        hint = f"It has {', '.join(known[:_SHOWN])}{more}."
    else:
        hint = "It has none that can be seen with this token."
    return ReleaseNotFound(f"{what} has no release {tag}", hint)


def no_file(name: str, where: str) -> AssetNotFound:
    """A file that its forge speaks of and does not have."""
    return AssetNotFound(f"{name} is not at {where}", "The release has changed since it was read: run it again.")
